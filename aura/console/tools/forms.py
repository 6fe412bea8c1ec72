"""The arguments of a tool as a form, made from its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from django import forms
from pydantic import ValidationError

from aura.console.tools.known import Known
from aura.console.tools.schema import Argument, Kind
from aura.kernel.unseen import visible
from governance.admin.base import Words

LONG_CHARS: Final = 2000  # a text that may be longer is written over several lines
MOST_CHARS: Final = 200_000
JSON_TYPES: Final[dict[Kind, type]] = {Kind.LIST: list, Kind.OBJECT: dict}
SHAPES: Final = {Kind.LIST: 'a list, such as ["a", "b"]', Kind.OBJECT: 'such as {"key": "value"}'}
YES_NO: Final = (("true", "yes"), ("false", "no"))


class Json(Words):
    """Text that is JSON, of one type where `wanted` is given; None where nothing is written."""

    def __init__(self, *, wanted: type | None, **options: Any) -> None:
        super().__init__(max_length=MOST_CHARS, **options)
        self.wanted = wanted

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text.strip():
            return None
        try:
            said = json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise forms.ValidationError("This is no JSON.") from None
        if self.wanted is not None and not isinstance(said, self.wanted):
            raise forms.ValidationError(f"This is JSON, but no {self.wanted.__name__}.")
        return said


class PurposeForm(forms.Form):
    """What somebody says a call is for: policies may ask for it, and the log keeps it."""

    purpose = forms.CharField(
        required=False, max_length=200, help_text="Some policies ask for one. It goes into the log."
    )


class ArgumentsForm(forms.Form):
    """One field an argument. What is left empty is left out, so that the tool's default counts.

    `known_places`: what the inventory offers for an argument, by its name.
    """

    def __init__(
        self,
        known: Known,
        data: Mapping[str, Any] | None = None,
        *,
        said: Mapping[str, Any] | None = None,
        known_places: Mapping[str, list[str]] | None = None,
    ) -> None:
        places = known_places or {}
        super().__init__(data, prefix="arg", initial=_shown(known, said))
        self.known = known
        self.offers = {
            self.list_of(name): places[name]
            for name in (one.name for one in known.arguments)
            if places.get(name)
        }
        for argument in known.arguments:
            field = _field(argument)
            if self.list_of(argument.name) in self.offers:
                field.widget.attrs["list"] = self.list_of(argument.name)
            self.fields[argument.name] = field

    def list_of(self, name: str) -> str:
        """The id of the `<datalist>` of an argument."""
        return f"known-{name}"

    def clean(self) -> dict[str, Any]:
        """Judge all arguments together, as the door does, so that complaints stand at once."""
        super().clean()
        if not self.errors:
            try:
                self.known.tool.parameters.model_validate(self.said())
            except ValidationError as error:
                self._complain(error)
        return self.cleaned_data

    def said(self) -> dict[str, Any]:
        """The arguments of a valid form."""
        pairs = ((one, self.cleaned_data.get(one.name)) for one in self.known.arguments)
        return {
            one.name: _read(one, value)
            for one, value in pairs
            if one.required or value not in (None, "", [])
        }

    def _complain(self, error: ValidationError) -> None:
        for one in error.errors(include_url=False, include_input=False):
            place = str(one["loc"][0]) if one["loc"] else ""
            message = str(one["msg"]).removeprefix("Value error, ")
            self.add_error(place if place in self.fields else None, visible(message))


def _shown(known: Known, said: Mapping[str, Any] | None) -> dict[str, Any]:
    """What stands in the fields of a new form: what was said before, else defaults."""
    by_name = {one.name: one for one in known.arguments}
    if said is None:
        return {
            name: json.loads(one.default)
            for name, one in by_name.items()
            if one.kind is Kind.YES_NO and one.default
        }
    return {name: _written(by_name[name], value) for name, value in said.items() if name in by_name}


def _written(argument: Argument, value: Any) -> Any:
    if argument.kind in {Kind.LIST, Kind.OBJECT, Kind.ANY} or _three_ways(argument):
        return json.dumps(value, ensure_ascii=False)
    return value


def _read(argument: Argument, value: Any) -> Any:
    return value == "true" if _three_ways(argument) else value


def _three_ways(argument: Argument) -> bool:
    """Whether yes, no and nothing are three different answers."""
    return argument.kind is Kind.YES_NO and not argument.default and not argument.required


def _field(argument: Argument) -> forms.Field:
    field = _MAKERS.get(argument.kind, _json)(argument)
    name = visible(argument.name)
    field.label = f"{name} (required)" if argument.required else name
    field.required = argument.required and argument.kind is not Kind.YES_NO
    field.help_text = _help(argument)
    return field


def _help(argument: Argument) -> str:
    default = f"Default: {argument.default}" if argument.default else ""
    shape = f"JSON, {SHAPES[argument.kind]}" if argument.kind in SHAPES else ""
    said = filter(None, (argument.description.rstrip("."), shape, default))
    return visible("".join(f"{one}. " for one in said).rstrip())


def _text(argument: Argument) -> forms.Field:
    most = argument.schema.get("maxLength")
    most = most if isinstance(most, int) and 0 < most < MOST_CHARS else MOST_CHARS
    if most > LONG_CHARS:
        return Words(max_length=most)
    return forms.CharField(max_length=most)


def _whole(argument: Argument) -> forms.Field:
    return forms.IntegerField()


def _number(argument: Argument) -> forms.Field:
    return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any"}))


def _yes_no(argument: Argument) -> forms.Field:
    if _three_ways(argument):
        return forms.ChoiceField(choices=[("", "not said"), *YES_NO])
    return forms.BooleanField()


def _one_of(argument: Argument) -> forms.Field:
    choices = [(one, visible(one)) for one in argument.choices]
    unsaid = "" if argument.required else "not said"
    return forms.ChoiceField(choices=[("", unsaid or "choose"), *choices])


def _some_of(argument: Argument) -> forms.Field:
    choices = [(one, visible(one)) for one in argument.choices]
    return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple)


def _json(argument: Argument) -> forms.Field:
    return Json(wanted=JSON_TYPES.get(argument.kind))


def _no_number(name: str) -> Any:
    raise ValueError(name)


_MAKERS: Final[dict[Kind, Callable[[Argument], forms.Field]]] = {
    Kind.TEXT: _text,
    Kind.WHOLE: _whole,
    Kind.NUMBER: _number,
    Kind.YES_NO: _yes_no,
    Kind.ONE_OF: _one_of,
    Kind.SOME_OF: _some_of,
}

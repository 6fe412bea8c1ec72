"""The forms of a ticket's page."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings

from governance.admin.base import DecisionForm, ModelForm, Words
from governance.audit.canonical import canonical
from governance.templatetags.shown import visible
from tickets.models import (
    DESCRIPTION_CHARS,
    MAX_TURNS,
    SECRET_CHARS,
    TITLE_CHARS,
    Priority,
    Ticket,
)

EDITABLE = ("title", "description", "priority", "max_turns")
OWN_WORDS = "own"


class TicketFields(forms.Form):
    """What a person says about a ticket."""

    title = forms.CharField(max_length=TITLE_CHARS, widget=forms.TextInput(attrs={"class": "wide"}))
    description = Words(max_length=DESCRIPTION_CHARS, rows=10)
    priority = forms.ChoiceField(choices=[(p.value, p.value) for p in Priority])
    max_turns = forms.IntegerField(
        label="Turn limit",
        min_value=1,
        max_value=MAX_TURNS,
        help_text="The agent pauses after so many round trips to the model.",
    )


class OpenForm(TicketFields, ModelForm):
    """A new ticket."""

    class Meta:
        model = Ticket
        fields = list(EDITABLE)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["description"].help_text = "In plain words: Scale cart to 5 replicas."
        self.fields["priority"].initial = Priority.MEDIUM.value
        self.fields["max_turns"].initial = settings.AURA.agent_max_turns


class EditForm(TicketFields):
    """A change of a ticket. `seen` is what was there when the page was made."""

    seen = forms.CharField(widget=forms.HiddenInput)

    @classmethod
    def of(cls, ticket: Ticket) -> EditForm:
        """The form as it is first shown."""
        values = {name: getattr(ticket, name) for name in EDITABLE}
        return cls(initial={**values, "seen": state_of(ticket)}, auto_id="edit_%s")


def state_of(ticket: Ticket) -> str:
    """Tells one state of the editable fields from another."""
    return hashlib.sha256(canonical([getattr(ticket, n) for n in EDITABLE])).hexdigest()


class PlanDecisionForm(DecisionForm):
    """Yes or no to a plan."""

    reason = Words(
        label="Feedback",
        required=False,
        help_text="Needed to ask for changes: the next plan is made from it.",
    )


class ActionDecisionForm(DecisionForm):
    """Yes or no to one action."""

    reason = Words(
        required=False, help_text="Needed to deny: the agent is told, and goes on from it."
    )


class AnswerForm(forms.Form):
    """An answer: one of the options that the agent gave, or own words."""

    choice = forms.ChoiceField(label="Options", required=False, widget=forms.RadioSelect)
    answer = Words(label="Own words", required=False)

    def __init__(self, *args: Any, options: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.options = [str(option) for option in options]
        if not self.options:
            del self.fields["choice"]
            self.fields["answer"].label = "Answer"
            return
        numbered = [(str(n), visible(text)) for n, text in enumerate(self.options)]
        choice = self.fields["choice"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - declared above; for the types
        choice.choices = [*numbered, (OWN_WORDS, "none of these: my own words, below")]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        chosen, own = data.get("choice") or "", data.get("answer", "")
        picked = chosen not in {"", OWN_WORDS}
        if picked and own:
            self.add_error("answer", "Choose an option or write your own answer, not both.")
        elif not picked and not own:
            self.add_error(
                "answer", "Write an answer" + (" or choose one." if self.options else ".")
            )
        data["words"] = self.options[int(chosen)] if picked else own
        return data


class Unshown(forms.Textarea):
    """For what is typed once: a form that comes back does not hold it."""

    def __init__(self) -> None:
        super().__init__(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"})

    def format_value(self, value: Any) -> None:
        del value


class SecretValuesForm(forms.Form):
    """The values that a call waits for, one field a key."""

    def __init__(self, *args: Any, keys: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.keys = [str(key) for key in keys]
        for number, key in enumerate(self.keys):
            self.fields[f"value_{number}"] = forms.CharField(
                label=visible(key), max_length=SECRET_CHARS, strip=False, widget=Unshown()
            )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        # Browsers send CRLF for each line break, which no key or certificate has.
        values = {
            key: data[f"value_{number}"].replace("\r\n", "\n")
            for number, key in enumerate(self.keys)
            if data.get(f"value_{number}")
        }
        return {"values": values}


class ResumeForm(forms.Form):
    """More turns for a ticket that was paused."""

    additional_turns = forms.IntegerField(
        label="More turns", min_value=1, max_value=MAX_TURNS, required=False
    )


class CancelForm(forms.Form):
    """The end of a ticket."""

    reason = Words(required=False, rows=2, help_text="Goes into the log.")


class RunForm(forms.Form):
    """Nothing to say: the agent starts."""

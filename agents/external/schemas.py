"""Another server's JSON Schema of arguments: what may stand in it, and arguments judged by it.

Whoever runs that server wrote it, so judging asks nobody for a `$ref` of elsewhere and takes no
longer than a bound. What cannot be judged like that is left to the server, which judges anyway.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from threading import local
from typing import Any, Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

MOST_CHARS: Final = 64 * 1024  # of JSON; a model reads all of it at every turn
MOST_DEPTH: Final = 40
STEPS: Final = 200_000  # keywords judged in one go; about a second
QUOTED_CHARS: Final = (
    200  # of a complaint's beginning and of its end; between, it quotes the argument
)
TOO_MUCH: Final = "these arguments are too deep, or too much, to be judged by the tool's schema"

Judge = Callable[[Any, Any, Any, Any], Any]  # validator, what the keyword says, value, schema


class _TooLong(Exception):
    """The schema makes more of the arguments than is judged."""


_left = local()


def usable(given: dict[str, Any]) -> dict[str, Any]:
    """`given` if it is a JSON Schema that forms, models and `complaint` can use, or ValueError."""
    # Imported here: who has no such server goes without.
    from jsonschema import Draft202012Validator, FormatChecker  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError as Wrong  # noqa: PLC0415

    languages = FormatChecker(formats=())  # patterns are of the server's language, not Python's
    try:
        _bound(given, MOST_DEPTH)
        said = json.dumps(given, allow_nan=False)
        Draft202012Validator.check_schema(given, format_checker=languages)
    except TypeError as error:
        raise ValueError(f"no JSON: {error}") from None
    except Wrong as error:
        place = ".".join(map(str, error.absolute_path))
        raise ValueError(f"no JSON Schema: {place}: {_short(error.message)}") from None
    if len(said) > MOST_CHARS:
        raise ValueError(f"longer than {MOST_CHARS} characters")
    return given


def complaint(schema: dict[str, Any], given: Any) -> str:
    """Why the arguments do not fit the schema; empty where they do."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    _left.steps = STEPS
    validator = _judging()(schema, registry=Registry())  # one that fetches nothing
    try:
        found: ValidationError | None = next(validator.iter_errors(given), None)
    except (_TooLong, RecursionError):
        return TOO_MUCH
    except Exception as error:  # noqa: BLE001 - a reference to nowhere, or to elsewhere
        return _short(f"the tool's schema cannot be used: {error}")
    if found is None:
        return ""
    place = ".".join(map(str, found.absolute_path))
    return _short(f"{place + ': ' if place else ''}{found.message}")


def _short(text: str) -> str:
    if len(text) <= 2 * QUOTED_CHARS:
        return text
    return f"{text[:QUOTED_CHARS]} … {text[-QUOTED_CHARS:]}"


def _bound(given: Any, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"nested deeper than {MOST_DEPTH}")
    if isinstance(given, dict) and not all(isinstance(name, str) for name in given):
        raise ValueError("no JSON: a name is no text; put it in quotes")
    parts = given.values() if isinstance(given, dict) else given if isinstance(given, list) else ()
    for part in parts:
        _bound(part, depth - 1)


@cache
def _judging() -> Any:
    """The library's validator with every keyword counted, and those replaced that have no bound."""
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415

    usual = Draft202012Validator.VALIDATORS
    own: dict[str, Judge] = {
        "pattern": _pattern,
        "uniqueItems": _unique,
        "additionalProperties": _unless_by_pattern(usual["additionalProperties"]),
        **dict.fromkeys(("patternProperties", "unevaluatedProperties"), _left_to_the_server),
    }
    counted = {name: _counted(judge) for name, judge in {**usual, **own}.items()}
    return validators.extend(Draft202012Validator, counted)


def _counted(judge: Judge) -> Judge:
    def judged(validator: Any, said: Any, value: Any, schema: Any) -> Iterator[Any]:
        _left.steps -= 1
        if _left.steps < 0:
            raise _TooLong
        yield from judge(validator, said, value, schema) or ()

    return judged


def _pattern(validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    if validator.is_type(value, "string") and not _matches(pattern, value):
        yield ValidationError(f"{value!r} is not like {pattern}")


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.isinstance_python(value)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> SchemaValidator | None:
    """Rust's engine needs time in proportion to the text; it knows no look-around."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return None


def _unique(validator: Any, wanted: bool, value: Any, _schema: Any) -> Iterator[Any]:  # noqa: FBT001 - the library's
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    if not wanted or not validator.is_type(value, "array"):
        return
    if len({json.dumps(one, sort_keys=True) for one in value}) < len(value):
        yield ValidationError("two of the items are the same")


def _unless_by_pattern(judge: Judge) -> Judge:
    def judged(validator: Any, said: Any, value: Any, schema: Any) -> Any:
        return None if "patternProperties" in schema else judge(validator, said, value, schema)

    return judged


def _left_to_the_server(*_: Any) -> None:
    """It compares names with patterns, by an engine that may take for ever."""

"""Schemas that another server wrote to harm: what is refused, and what judging costs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agents.external.schemas import STEPS, TOO_MUCH, complaint, usable
from tests.stubs.receiver import receiving

PIECE = {"type": "string"}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = dict(PIECE)
    for _ in range(levels):
        schema = {"properties": {"x": schema}}
    return schema


def circle() -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {}}
    schema["properties"]["x"] = schema
    return schema


def of(name: str, **said: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {name: said}}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": 7}, "no JSON Schema: type"),
        ({"properties": [1]}, "no JSON Schema: properties"),
        ({"required": "x"}, "no JSON Schema: required"),
        (of("x", enum=3), "no JSON Schema: properties.x.enum"),
        ({"properties": {12: PIECE}}, "a name is no text"),
        (of("x", default=re.compile("x")), "no JSON"),
        (of("x", default=float("nan")), "not JSON compliant"),
        (of("x", enum=[f"v{n}" for n in range(100_000)]), "longer than"),
        (deep(5000), "nested deeper than"),
        (circle(), "nested deeper than"),
    ],
)
def test_what_nobody_could_use_is_refused_when_the_list_is_read(schema, words):
    with pytest.raises(ValueError, match=words):
        usable(schema)


def test_what_servers_usually_say_is_usable():
    schema = of("pattern", type="string", pattern="^[a-z]+$") | {"required": ["pattern"]}
    assert usable(schema) is schema
    assert complaint(schema, {"pattern": "abc"}) == ""
    assert complaint(schema, {"pattern": "ABC"}) == "pattern: 'ABC' is not like ^[a-z]+$"
    assert complaint(schema, {}) == "'pattern' is a required property"


@pytest.mark.parametrize(
    "schema",
    [
        of("x", pattern="^(a+)+$"),
        of("x", allOf=[{"pattern": "^(a|a)*$"}]),
        {"propertyNames": {"pattern": "^(x+)+y$"}},
    ],
)
def test_a_pattern_that_would_never_end_is_judged_at_once(schema):
    assert "is not like" in complaint(schema, {"x": "a" * 100_000 + "b"})


@pytest.mark.parametrize(
    "schema",
    [
        of("x", pattern="("),
        of("x", pattern=r"^\p{Nonsense}+$"),
        of("x", pattern="^(?=a)b"),  # look-around
        of("x", pattern="(a{1000}){1000}{1000}"),
        {"patternProperties": {"^(x+)+y$": False}},
        {"patternProperties": {"^(x+)+y$": PIECE}, "additionalProperties": False},
        {"patternProperties": {"(": PIECE}, "unevaluatedProperties": False},
    ],
)
def test_what_only_the_servers_own_engine_can_judge_is_left_to_it(schema):
    assert usable(schema)
    assert complaint(schema, {"x": "aaa", "x" * 5000: "b"}) == ""


def test_a_schema_of_elsewhere_is_not_fetched():
    with receiving() as there:
        said = complaint(of("x", **{"$ref": there.url("/schema.json")}), {"x": 1})
        assert "cannot be used" in said
        assert there.got == []
    assert "cannot be used" in complaint(of("x", **{"$ref": "file:///etc/hostname"}), {"x": 1})


def test_a_reference_to_nowhere_is_said_and_no_error_of_ours():
    said = complaint(of("x", **{"$ref": "#/$defs/nowhere"}), {"x": 1})
    assert said.startswith("the tool's schema cannot be used")


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"properties": {"x": {"$ref": "#"}}},
    ],
)
def test_what_goes_round_in_circles_is_given_up(schema):
    given: dict[str, Any] = {}
    for _ in range(900):
        given = {"x": given}
    assert complaint(schema, given) == TOO_MUCH


def test_a_small_schema_that_means_endless_work_is_given_up():
    doubled = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}
    schema = {"$defs": {**doubled, "d30": True}, "$ref": "#/$defs/d0"}
    assert usable(schema)
    assert complaint(schema, {}) == TOO_MUCH
    many = of("x", items={"type": "integer"})
    assert complaint(many, {"x": [1] * (STEPS + 1)}) == TOO_MUCH
    assert complaint(many, {"x": [1] * 1000}) == "", "each call has all the steps"


def test_items_that_must_differ_are_compared_once_each():
    schema = of("x", uniqueItems=True)
    items = [{"n": n} for n in range(20_000)]
    assert complaint(schema, {"x": items}) == ""
    assert complaint(schema, {"x": [*items, {"n": 7}]}) == "x: two of the items are the same"


def test_a_complaint_about_a_long_argument_is_short():
    said = complaint(of("x", type="integer"), {"x": "y" * 1_000_000})
    assert said.startswith("x: 'yyy")
    assert said.endswith("y' is not of type 'integer'")
    assert len(said) < 500

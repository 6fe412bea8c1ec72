"""Arguments of tools as people read them and fill them in."""

from __future__ import annotations

import pytest

from aura.console.tools import known, schema
from aura.console.tools.forms import ArgumentsForm
from aura.console.tools.known import Known
from aura.console.tools.schema import Kind

# --- schemas, pure ---


def test_a_schema_is_rows_that_people_read():
    rows = schema.arguments(
        {
            "$defs": {"Layer": {"enum": ["os", "storage"], "type": "string"}},
            "properties": {
                "name": {"type": "string", "minLength": 1, "description": "Which one"},
                "layers": {"type": "array", "items": {"$ref": "#/$defs/Layer"}, "default": []},
                "layer": {"$ref": "#/$defs/Layer"},
                "port": {"anyOf": [{"type": "integer", "maximum": 9}, {"type": "null"}]},
                "dry": {"type": ["boolean", "null"], "default": True},
                "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            },
            "required": ["name"],
        }
    )
    assert [(row.name, row.kind, row.required) for row in rows] == [
        ("name", Kind.TEXT, True),
        ("layers", Kind.SOME_OF, False),
        ("layer", Kind.ONE_OF, False),
        ("port", Kind.WHOLE, False),
        ("dry", Kind.YES_NO, False),
        ("either", Kind.ANY, False),
    ]
    by_name = {row.name: row for row in rows}
    assert by_name["name"].limits == "at least 1 characters"
    assert by_name["layers"].choices == ("os", "storage")
    assert (by_name["port"].nullable, by_name["port"].limits) == (True, "at most 9")
    assert by_name["dry"].default == "true"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"properties": []},
        {"properties": {"a": True, "b": None, "c": []}, "required": "a"},
        {"properties": {"a": {"$ref": "#/properties/a"}}},
        {"properties": {"a": {"$ref": "https://example.com/x"}}},
        {"properties": {"a": {"anyOf": [], "enum": [], "type": []}}},
        {"properties": {"a": {"enum": [1, None], "type": {"x": 1}}}},
    ],
)
def test_a_schema_that_somebody_else_wrote_wrong_is_any_json(said):
    assert all(row.kind is Kind.ANY for row in schema.arguments(said))


# --- forms ---


def every_tool() -> list[Known]:
    return [tool for shelf in known.shelves() for tool in shelf.tools]


def test_every_tool_that_reads_has_a_form_and_no_other():
    tried = [tool for tool in every_tool() if tool.can_be_tried]
    assert len(tried) > 40
    for tool in tried:
        assert tool.harm == "read"
        assert set(ArgumentsForm(tool).fields) == set(tool.input_schema.get("properties", {}))
    others = {tool.tool.name for tool in every_tool()} - {tool.tool.name for tool in tried}
    assert {"delete_pod", "terminate_connection", "git_push", "git_read_file"} <= others


def test_what_is_left_empty_is_left_out_and_the_rest_has_its_type():
    tool = known.find("postgres_database_agent", "get_active_connections")
    assert tool is not None
    form = ArgumentsForm(tool, {"arg-connection_string": "shop", "arg-port": "7"})
    assert form.is_valid(), form.errors
    said = form.said()
    assert (said["connection_string"], said["port"]) == ("shop", 7)
    assert "host" not in said


def test_what_does_not_fit_is_said_at_its_field():
    tool = known.find("k8s_agent", "get_pods")
    assert tool is not None
    form = ArgumentsForm(tool, {"arg-labels": "app=$(x)", "arg-context": "x" * 300})
    assert not form.is_valid()
    assert list(form.errors) == ["context"]
    form = ArgumentsForm(tool, {"arg-label_selector": "app=$(x)", "arg-labels": "app=$(x)"})
    complaints = form.errors
    assert complaints, "the pattern is the tool's to judge"


@pytest.mark.parametrize("written", ["[1", "{}", '"a"', "NaN", "[" * 100_000, "[NaN]", "nul\0l"])
def test_what_is_no_list_is_refused_in_words(written):
    tool = next(
        tool
        for tool in every_tool()
        if tool.can_be_tried and any(one.kind is Kind.LIST for one in tool.arguments)
    )
    name = next(one.name for one in tool.arguments if one.kind is Kind.LIST)
    form = ArgumentsForm(tool, {f"arg-{name}": written})
    assert not form.is_valid()
    assert name in form.errors

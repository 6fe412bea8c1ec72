"""Tools of other MCP servers in the room of tools: whoever wrote their schemas meant no good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from agents.external.servers import servers
from agents.models import HelpdeskTask
from tests.admin.conftest import LOOK, browser_of, person
from tests.admin.pages import submit, text
from tests.agents import others
from tests.agents.helpdesk.desk import NAME, Desk

pytestmark = pytest.mark.django_db

ROOM = f"/admin/tools/{NAME}/evil_look/"
HOSTILE = '<img src=x onerror=alert(1)>"\u202eevil\u200b'
SEEN = escape(HOSTILE).replace("\u202e", "⟨U+202E⟩").replace("\u200b", "⟨U+200B⟩")
Listed = Callable[..., None]


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listed]:
    """Puts a tool `look` of a server into place, with this schema."""
    file = tmp_path / "servers.yaml"

    def put(schema: dict[str, Any], **said: Any) -> None:
        tool = {"class": "read", "pin": f"sha256:{'0' * 64}", "input_schema": schema, **said}
        server = {"name": "evil", "url": "http://127.0.0.1:1/mcp", "agent": NAME}
        content = {"servers": [server | {"tools": {"look": {"description": "d", **tool}}}]}
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        servers.cache_clear()
        changed = settings.AURA.model_copy(update={"mcp_servers": file})
        monkeypatch.setattr(settings, "AURA", changed)
        agent = replace(Desk().agent(), tools=list)
        others.in_place(monkeypatch, [agent])

    yield put
    servers.cache_clear()


@pytest.fixture
def asker() -> Any:
    return browser_of(person("rita", *LOOK, "agents.ask_agents"))


def test_every_text_of_its_schema_is_shown_as_what_it_is(listed, asker):
    said = {
        "type": "string",
        "title": HOSTILE,
        "description": HOSTILE,
        "default": HOSTILE,
        "enum": [HOSTILE, "b"],
    }
    listed({"properties": {HOSTILE: said}, "title": HOSTILE}, title=HOSTILE, description=HOSTILE)
    page = text(asker.get(ROOM))
    assert "<img src=x" not in page
    assert f"<h1><bdi>{SEEN}</bdi></h1>" in page
    assert f">{SEEN}</option>" in page
    assert f"one of: {SEEN}, b" in " ".join(page.split())
    outside = page
    for attribute in (f'"{escape(HOSTILE)}"', f"arg-{escape(HOSTILE)}"):
        outside = outside.replace(attribute, "")
    assert "\u202e" not in outside


def test_a_complaint_that_quotes_the_schema_is_inert(listed, asker):
    listed({"properties": {"x": {"type": "string", "const": "a", "title": "t"}}, "not": {}})
    page = text(submit(asker, ROOM, ROOM, **{"arg-x": "a"}))
    assert "should not be valid" in unescape(page)
    listed({"required": [HOSTILE]})
    page = text(submit(asker, ROOM, ROOM))
    assert "is a required property" in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert not HelpdeskTask.objects.exists()


def test_of_thousands_of_values_one_is_typed(listed, asker):
    many = [f"v{n}" for n in range(3000)]
    listed(
        {"properties": {"one": {"type": "string", "enum": many}, "some": {"items": {"enum": many}}}}
    )
    page = text(asker.get(ROOM))
    assert "<option" not in page
    assert 'type="checkbox"' not in page
    refused = text(submit(asker, ROOM, ROOM, **{"arg-one": "w"}))
    assert "is not one of" in unescape(refused)
    assert submit(asker, ROOM, ROOM, **{"arg-one": "v2999"}).status_code == 302


@pytest.mark.parametrize("reference", ["#/$defs/nowhere", "#/properties/x", "http://127.0.0.1:1/"])
def test_a_reference_that_leads_nowhere_is_said_in_words(listed, asker, reference):
    listed({"properties": {"x": {"$ref": reference}}})
    page = submit(asker, ROOM, ROOM, **{"arg-x": '"a"'})
    assert page.status_code == 200
    words = "these arguments are too deep" if "properties" in reference else "cannot be used"
    assert words in text(page)
    assert not HelpdeskTask.objects.exists()

"""doc_list, doc_read, doc_write and agents_md_update on a real worktree."""

from __future__ import annotations

from typing import Any

import pytest

from agents.gitops.documents import document_tools
from agents.gitops.sections import replaced
from agents.runtime.tool import CallContext, ToolFailure, ToolResult
from governance.types import ActionClass
from tests.agents.gitops.support import Desk

AGENTS = """\
# Rules
Be careful.

## Images <!-- pinned -->
<!-- kept by ops:
## not a heading -->

old

```
## nor this
```

### Registries
ours

Names
-----
short ones   \t

## Last"""


class Documents:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.tools = {tool.name: tool for tool in document_tools(desk.workspace, "T1")}

    def call(self, name: str, **arguments: Any) -> ToolResult:
        tool = self.tools[name]
        said = tool.parameters(**arguments)
        if tool.check:
            tool.check(said)
        answer = tool.run(said, CallContext(call_id="c", trace_id="t"))
        assert isinstance(answer, ToolResult)
        return answer


@pytest.fixture
def documents(desk: Desk) -> Documents:
    return Documents(desk)


def test_documents_are_listed_read_and_written_whole(documents):
    documents.call("doc_write", path="docs/run.md", content="# Run\n")
    assert documents.call("doc_list").data["documents"] == ["AGENTS.md", "docs/run.md", "notes.txt"]
    assert documents.call("doc_list", dir="docs/").data["documents"] == ["docs/run.md"]
    assert documents.call("doc_list", dir="none").data["count"] == 0
    assert documents.call("doc_read", path="notes.txt").content == "one\ntwo\nthree\n"
    assert documents.call("doc_read", path="notes.txt", offset=4).content == "two\nthree\n"
    assert (documents.desk.path / "docs/run.md").read_text() == "# Run\n"


@pytest.mark.parametrize("path", ["apps/web.yaml", "../x.md", "/etc/x.md", ".git/x.md", "x"])
def test_what_is_no_document_of_the_repository_is_refused(documents, path):
    for name in ("doc_read", "doc_write"):
        with pytest.raises(ToolFailure):
            documents.call(name, path=path, **({"content": "x"} if name == "doc_write" else {}))


def test_agents_md_is_changed_by_sections_alone(documents):
    with pytest.raises(ToolFailure, match="agents_md_update"):
        documents.call("doc_write", path="./AGENTS.md", content="Obey me.")
    documents.call("agents_md_update", section="Rules", content="Be kind.")
    assert (documents.desk.path / "AGENTS.md").read_text() == "# Rules\n\nBe kind.\n"
    documents.call("agents_md_update", section="Images", content="- pin them")
    assert (documents.desk.path / "AGENTS.md").read_text().endswith("\n\n## Images\n\n- pin them\n")


def test_emptying_is_destructive_and_writing_is_not(documents):
    for name, more in (("doc_write", {"path": "a.md"}), ("agents_md_update", {"section": "A"})):
        tool = documents.tools[name]
        classes = [
            tool.classify(tool.parameters(content=text, **more)) for text in ("# only a title", " ")
        ]
        assert classes == [ActionClass.WRITE, ActionClass.DESTRUCTIVE]


def test_every_other_byte_of_the_file_stays():
    text = replaced(AGENTS, "images  <!-- pinned -->", "- pin\n\n### By digest\nyes")
    before, _, after = AGENTS.partition("old\n")
    assert text.startswith(before + "- pin\n\n### By digest\nyes\n")
    assert text.endswith(after[after.index("Names\n") :])
    assert replaced(text, "Images <!-- pinned -->", "- pin\n\n### By digest\nyes") == text


@pytest.mark.parametrize("title", ["Last", "Names", "Registries", "Rules"])
@pytest.mark.parametrize("break_", ["\n", "\r\n"])
def test_any_section_can_be_replaced_whatever_breaks_lines(title, break_):
    given = AGENTS.replace("\n", break_)
    text = replaced(given, title, "new words")
    assert "new words" in text
    assert replaced(text, title, "new words") == text
    others = {"Registries": "Names", "Names": "Registries", "Last": "Names", "Rules": "# Rules"}
    assert others[title] in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("# Above", "would begin another section"),
        ("Beside\n------", "would begin another section"),
        ("```\nopen", "open"),
        ("<!-- open", "open"),
    ],
)
def test_content_that_would_change_other_sections_is_refused(content, said):
    with pytest.raises(ToolFailure, match=said):
        replaced(AGENTS, "Names", content)


def test_two_sections_of_one_title_are_not_told_apart():
    with pytest.raises(ToolFailure, match="2 sections"):
        replaced("# A\n## B\n## b\n", "B", "x")

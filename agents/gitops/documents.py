"""The documentation of the repository, and AGENTS.md: what agents are told at every start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic import Field

from agents.gitops import sections
from agents.gitops.jail import MAX_LISTED, PathRefused, normalise
from agents.gitops.workspace import Workspace
from agents.gitops.worktree import Worktree
from agents.runtime.tool import Arguments, CallContext, Tool, ToolFailure, ToolResult
from governance.types import ActionClass, Resource

DOC_WRITE, AGENTS_MD_UPDATE = "doc_write", "agents_md_update"
AGENTS_MD: Final = "AGENTS.md"
SUFFIXES: Final = (".md", ".markdown", ".rst", ".adoc", ".txt")
READ_LIMIT: Final = 60_000  # characters of a file in one answer


class DocListArguments(Arguments):
    dir: str = Field(default="", max_length=1024, description="only documents below this directory")


class DocArguments(Arguments):
    path: str = Field(description="document, relative to the root of the repository")


class DocReadArguments(DocArguments):
    offset: int = Field(default=0, ge=0, description="first character to show")


class DocWriteArguments(DocArguments):
    content: str = Field(description="the whole new content of the document")


class SectionArguments(Arguments):
    section: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\n\r#]+$",
        description="heading of the section in AGENTS.md; a new one is added at the end",
    )
    content: str = Field(
        max_length=20_000, description="what stands below the heading from now on, without it"
    )


def document_tools(workspace: Workspace, ticket_id: str) -> list[Tool]:
    """The tools, bound to one ticket's worktree."""

    def tool(
        name: str,
        description: str,
        parameters: type[Arguments],
        run: Callable[[Any, Worktree], ToolResult],
        **more: Any,
    ) -> Tool:
        def call(arguments: Any, context: CallContext) -> ToolResult:
            del context
            return run(arguments, workspace.open(ticket_id))

        return Tool(
            name=name,
            description=description,
            parameters=parameters,
            run=call,
            check=_check if issubclass(parameters, DocArguments) else None,
            idempotent=True,
            **{"action_class": ActionClass.READ, "resource": _resource, **more},
        )

    return [
        tool(
            "doc_list",
            "List the documents of the repository (Markdown, reStructuredText, AsciiDoc, text).",
            DocListArguments,
            _list,
            pages=True,
        ),
        tool(
            "doc_read",
            "Show a document. A long one is cut; the last line then says how to read on.",
            DocReadArguments,
            _read,
            pages=True,
        ),
        tool(
            DOC_WRITE,
            "Create or replace a document; for manifests and code there is git_write_file.",
            DocWriteArguments,
            _write,
            action_class=_harm,
        ),
        tool(
            AGENTS_MD_UPDATE,
            "Replace one section of AGENTS.md, the conventions that agents follow in this"
            " repository. Everything else in the file stays as it is.",
            SectionArguments,
            _update,
            action_class=_harm,
        ),
    ]


def _resource(said: Any) -> Resource:
    if isinstance(said, SectionArguments):
        return Resource(type="file", name=AGENTS_MD)
    path = getattr(said, "path", "") or getattr(said, "dir", "")
    try:
        return Resource(type="file", name=normalise(path) if path else ".")
    except PathRefused:
        return Resource(type="file", name=path)  # the call fails when it runs


def _harm(said: DocWriteArguments | SectionArguments) -> ActionClass:
    """Emptying is deleting."""
    return ActionClass.WRITE if said.content.strip() else ActionClass.DESTRUCTIVE


def _check(said: DocArguments) -> None:
    path = normalise(said.path)
    if not _is_document(path):
        raise ToolFailure(
            f"{path} is no document ({', '.join(SUFFIXES)}); use git_read_file or git_write_file"
        )
    if isinstance(said, DocWriteArguments) and path == AGENTS_MD:
        raise ToolFailure(f"{AGENTS_MD} is changed by sections: call {AGENTS_MD_UPDATE}")


def _is_document(path: str) -> bool:
    return path.casefold().endswith(SUFFIXES)


def _list(said: DocListArguments, worktree: Worktree) -> ToolResult:
    below = f"{normalise(said.dir)}/" if said.dir.strip("./") else ""
    listed = worktree.jail.list(below.rstrip("/"))
    found = [path for path in listed if path.startswith(below) and _is_document(path)]
    lines = found or [f"no documents below {below or 'the root'}"]
    if len(listed) > MAX_LISTED:
        lines.append(f"[cut after {MAX_LISTED} files; name a directory to see others]")
    return ToolResult(content="\n".join(lines), data={"documents": found, "count": len(found)})


def _read(said: DocReadArguments, worktree: Worktree) -> ToolResult:
    part = worktree.jail.read_text(said.path, said.offset, READ_LIMIT)
    content = part.text
    if part.next_offset is not None:
        content += f"\n[cut: read on with offset={part.next_offset}, of {part.total} characters]"
    path = normalise(said.path)
    return ToolResult(content=content, data={"path": path, "total": part.total})


def _write(said: DocWriteArguments, worktree: Worktree) -> ToolResult:
    return _written(worktree, normalise(said.path), said.content)


def _update(said: SectionArguments, worktree: Worktree) -> ToolResult:
    there = worktree.jail.exists(AGENTS_MD)
    text = worktree.jail.read_text(AGENTS_MD).text if there else ""
    return _written(worktree, AGENTS_MD, sections.replaced(text, said.section, said.content))


def _written(worktree: Worktree, path: str, content: str) -> ToolResult:
    worktree.jail.write_text(path, content)
    size = len(content.encode())
    return ToolResult(content=f"wrote {path} ({size} bytes)", data={"path": path, "bytes": size})

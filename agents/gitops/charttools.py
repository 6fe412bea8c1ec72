"""The `helm_*` tools: what a chart's values are, and a change of them that keeps the rest as it is.

No chart is rendered and no `helm` is needed: Argo CD renders what was merged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pydantic import Field

from agents.gitops.jail import Jail, PathRefused, normalise
from agents.gitops.workspace import Workspace
from agents.gitops.worktree import Worktree
from agents.manifests import charts, yamltext
from agents.manifests.charts import Source
from agents.runtime.tool import Arguments, CallContext, Tool, ToolFailure, ToolResult
from governance.types import ActionClass, Resource

HELM_VALUES, HELM_SET_VALUES = "helm_values", "helm_set_values"
MAX_FILES: Final = 500  # YAML files that are searched for Argo CD applications
MAX_SIZE: Final = 100_000  # characters of one of them


class ChartArguments(Arguments):
    chart: str = Field(
        default="", max_length=1024, description="folder of one chart; left out: all charts"
    )


class Setting(Arguments):
    name: str = Field(
        min_length=1,
        max_length=300,
        pattern=r"^[^\s.]+(\.[^\s.]+)*$",
        description="dotted name, e.g. image.tag or env.0.value",
    )
    value: str | int | float | bool = Field(description="the new value")


class SetArguments(Arguments):
    path: str = Field(description="values file, relative to the root of the repository")
    values: tuple[Setting, ...] = Field(min_length=1, max_length=50, description="what to set")


def chart_tools(workspace: Workspace, ticket_id: str) -> list[Tool]:
    """The tools, bound to one ticket's worktree."""

    def look(said: ChartArguments, context: CallContext) -> ToolResult:
        del context
        return _look(said, workspace.open(ticket_id).jail)

    def change(said: SetArguments, context: CallContext) -> ToolResult:
        del context
        return _change(said, workspace.open(ticket_id))

    return [
        Tool(
            name=HELM_VALUES,
            description=(
                "Show the Helm charts of the repository: which values files each Argo CD"
                " application reads (the last wins), and where image, replicas, resources and"
                " variables are set."
            ),
            action_class=ActionClass.READ,
            parameters=ChartArguments,
            run=look,
            resource=lambda said: _file(said.chart or "."),
            idempotent=True,
            pages=True,
        ),
        Tool(
            name=HELM_SET_VALUES,
            description=(
                "Set values of a Helm values file; comments, order and every other line stay."
                " Use the file that helm_values names for the environment."
            ),
            action_class=ActionClass.WRITE,
            parameters=SetArguments,
            run=change,
            resource=lambda said: _file(said.path),
            check=lambda said: _require_yaml(said.path),
            idempotent=True,
        ),
    ]


def _file(path: str) -> Resource:
    """The path as rules see it. A refused one keeps its words: the call fails when it runs."""
    try:
        return Resource(type="file", name=path if path == "." else normalise(path))
    except PathRefused:
        return Resource(type="file", name=path)


# --- looking --------------------------------------------------------------------------------------


def _look(said: ChartArguments, jail: Jail) -> ToolResult:
    paths = jail.list()
    homes = charts.homes(paths)
    wanted = normalise(said.chart) if said.chart else ""
    if wanted and wanted not in homes:
        listed = ", ".join(homes[:20]) or "none"
        raise ToolFailure(f"{wanted} is no Helm chart; the charts are: {listed}")
    found = list(_sources(jail, paths))
    data = {
        "charts": [
            _chart(jail, home, [s for s in found if s.chart == home])
            for home in homes
            if wanted in ("", home)
        ]
    }
    content = json.dumps(data, ensure_ascii=False, indent=1)
    return ToolResult(content=content if data["charts"] else "no Helm charts", data=data)


def _sources(jail: Jail, paths: list[str]) -> Iterator[Source]:
    there = frozenset(paths)
    listed = [p for p in paths if p.endswith((".yaml", ".yml"))][:MAX_FILES]
    for path in listed:
        text = _text(jail, path)
        if len(text) < MAX_SIZE and "argoproj.io/" in text:
            yield from charts.sources(path, _documents(text), there.__contains__)


def _text(jail: Jail, path: str) -> str:
    """Nothing for a file that is no text."""
    try:
        return jail.read_text(path).text
    except ToolFailure:
        return ""


def _documents(text: str) -> list[Any]:
    try:
        return yamltext.documents(text)
    except yamltext.EditRefused:
        return []


def _chart(jail: Jail, home: str, found: list[Source]) -> dict[str, Any]:
    own = [f"{home}/{name}" for name in charts.VALUES if jail.exists(f"{home}/{name}")]
    named = dict.fromkeys([*own, *(path for s in found for path in s.value_files)])
    return {
        "chart": home,
        "applications": [
            {
                "name": source.name,
                "file": source.file,
                "valueFiles": list(dict.fromkeys([*own, *source.value_files])),
                "setByApplication": sorted(source.parameters),
            }
            for source in found
        ],
        "settings": {path: _settings(_text(jail, path)) for path in named},
    }


def _settings(text: str) -> dict[str, Any]:
    documents = _documents(text)
    return charts.settings(documents[0]) if documents else {}


# --- changing -------------------------------------------------------------------------------------


def _require_yaml(path: str) -> None:
    if not normalise(path).endswith((".yaml", ".yml")):
        raise ToolFailure(f"{path} is no values file: its name ends in .yaml or .yml")


def _change(said: SetArguments, worktree: Worktree) -> ToolResult:
    path = normalise(said.path)
    if charts.is_template(path, worktree.jail.exists):
        raise ToolFailure(f"{path} is a template of a chart; set what it reads in the values")
    text = worktree.jail.read_text(path).text
    for setting in said.values:
        text = _assigned(path, text, setting)
    worktree.jail.write_text(path, text)
    names = [setting.name for setting in said.values]
    return ToolResult(
        content=f"set {', '.join(names)} in {path}", data={"path": path, "names": names}
    )


def _assigned(path: str, text: str, setting: Setting) -> str:
    documents = _documents(text)
    way = _way(documents[0] if documents else None, setting.name)
    try:
        return yamltext.assign(text, 0, way, setting.value)
    except (yamltext.EditRefused, IndexError) as refused:
        reason = str(refused) if isinstance(refused, yamltext.EditRefused) else "it is empty"
        raise ToolFailure(
            f"{setting.name} cannot be set in {path} ({reason}); change it with git_write_file"
        ) from None


def _way(values: Any, name: str) -> charts.Path:
    """A dotted name as a path: a number counts the items where there is a list."""
    way: charts.Path = ()
    for part in name.split("."):
        listed = isinstance(charts.dig(values, way), list)
        way = (*way, int(part) if listed and part.isdigit() else part)
    return way

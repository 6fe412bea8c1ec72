"""helm_values and helm_set_values in a real worktree."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from agents.gitops.charttools import chart_tools
from agents.runtime.tool import ToolFailure
from tests.agents.gitops.support import Desk
from tests.agents.offline.test_helm import VALUES, application, one, two


@pytest.fixture
def charted(desk: Desk) -> Desk:
    desk.tools |= {tool.name: tool for tool in chart_tools(desk.workspace, desk.ticket_id)}
    return desk


def fill(desk: Desk, files: dict[str, str]) -> None:
    for path, text in files.items():
        place = desk.path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def test_a_chart_is_shown_with_the_files_that_each_application_reads(charted: Desk) -> None:
    fill(charted, two())
    (chart,) = charted.call("helm_values").data["charts"]
    assert chart["chart"] == "charts/web"
    assert [(a["name"], a["valueFiles"]) for a in chart["applications"]] == [
        ("web-dev", ["charts/web/values.yaml", "charts/web/values-dev.yaml"]),
        ("web-prod", ["charts/web/values.yaml", "environments/prod/web.yaml"]),
    ]
    assert chart["settings"]["environments/prod/web.yaml"] == {
        "image.tag": "1.2.0",
        "replicaCount": 4,
    }


def test_what_an_application_sets_itself_is_told(charted: Desk) -> None:
    more = "\n      parameters: [{name: image.tag, value: x}]\n      valuesObject: {a: 1}"
    fill(charted, one(**{"argocd/web.yaml": application("web", "values-live.yaml", more=more)}))
    (chart,) = charted.call("helm_values", chart="charts/web").data["charts"]
    assert chart["applications"][0]["setByApplication"] == ["*", "image.tag"]


def test_values_are_set_and_every_other_line_stays(charted: Desk) -> None:
    fill(charted, one())
    charted.call(
        "helm_set_values",
        path="charts/web/values.yaml",
        values=[
            {"name": "image.tag", "value": "1.10"},
            {"name": "replicaCount", "value": 3},
            {"name": "resources.limits.memory", "value": "1Gi"},
            {"name": "env.NEW", "value": "yes"},
        ],
    )
    expected = (
        VALUES.replace('"1.0.0"', '"1.10"')
        .replace("replicaCount: 1 ", "replicaCount: 3 ")
        .replace("resources: {}", "resources:\n  limits:\n    memory: 1Gi")
        .replace("  LOG_LEVEL: info\n", '  LOG_LEVEL: info\n  NEW: "yes"\n')
    )
    assert (charted.path / "charts/web/values.yaml").read_text() == expected


def test_an_item_of_a_list_is_named_by_its_number(charted: Desk) -> None:
    fill(charted, {"web/values.yaml": "env:\n- name: A\n  value: b # why\n"})
    name = {"name": "env.0.value", "value": "c"}
    charted.call("helm_set_values", path="web/values.yaml", values=[name])
    assert (charted.path / "web/values.yaml").read_text() == "env:\n- name: A\n  value: c # why\n"


@pytest.mark.parametrize(
    ("path", "name", "said"),
    [
        ("charts/web/templates/deployment.yaml", "a", "template of a chart"),
        ("charts/web/values.yaml", "image", "another shape"),
        ("charts/web/nothing.yaml", "a", "nothing.yaml"),
        ("charts/web/empty.yaml", "a", "cannot be set"),
    ],
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(
    charted: Desk, path: str, name: str, said: str
) -> None:
    fill(charted, {**one(), "charts/web/empty.yaml": ""})
    before = {file: file.read_text() for file in charted.path.rglob("*.yaml")}
    with pytest.raises(ToolFailure, match=said):
        charted.call("helm_set_values", path=path, values=[{"name": name, "value": "x"}])
    assert {file: file.read_text() for file in charted.path.rglob("*.yaml")} == before


def test_a_folder_that_is_no_chart_is_refused_with_those_that_are(charted: Desk) -> None:
    fill(charted, one())
    with pytest.raises(ToolFailure, match="the charts are: charts/web"):
        charted.call("helm_values", chart="apps")


@pytest.mark.parametrize("name", ["", "a..b", "a b", ".a"])
def test_a_name_that_is_no_dotted_name_is_refused(charted: Desk, name: str) -> None:
    with pytest.raises(ValidationError):
        charted.call("helm_set_values", path="values.yaml", values=[{"name": name, "value": 1}])


def test_only_yaml_inside_the_repository_is_changed(charted: Desk) -> None:
    check = charted.tools["helm_set_values"].check
    assert check
    parameters = charted.tools["helm_set_values"].parameters
    for path in ("../values.yaml", "values.txt", str(Path("/etc/x.yaml"))):
        said = {"path": path, "values": [{"name": "a", "value": 1}]}
        with pytest.raises(ToolFailure):
            check(parameters.model_validate(said))

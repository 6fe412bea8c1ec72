"""A ticket is not done because something else is well."""

from __future__ import annotations

import pytest

from tests.fakes import call, plan, says
from tests.tickets.conftest import OPS
from tests.tickets.sites import Site, site
from tickets import services
from tickets.models import Status

__all__ = ["site"]

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "apps/nginx/config.yaml"
TOOLS = ("git_commit", "git_push", "git_merge", "argo_app_wait")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: nothing\n  namespace: web\n"


def bystander(site: Site, path: str) -> None:
    """A second application of the repository, which is always well."""
    other = site.cluster.get("Application", "shop", "argocd")
    source = {**other["spec"]["source"], "path": path}
    site.cluster.put(
        {
            "apiVersion": other["apiVersion"],
            "kind": "Application",
            "metadata": {"name": "bystander", "namespace": "argocd"},
            "spec": {**other["spec"], "source": source},
        }
    )


@pytest.mark.parametrize(("configured", "path"), [("shop", "apps"), ("", "apps/hello")])
def test_another_application_that_is_well_is_no_reason_to_resolve(site, configured, path):
    bystander(site, path)
    site.settings["argocd_app_name"] = configured
    ticket = site.desk.open()
    steps = [
        {"description": "Write", "tool": "git_write_file", "path": PATH},
        *({"description": tool, "tool": tool} for tool in TOOLS),
    ]
    first = [says(call("git_list_files")), says(plan(*steps))]
    site.desk.advance(ticket, *first, **site.settings)
    services.approve_plan(ticket, actor=OPS)
    script = [
        says(call("git_write_file", path=PATH, content=CONFIG)),
        says(call("git_stage", files=["."])),
        says(call("git_commit", message="Nothing")),
        says(call("git_push")),
        says(call("git_merge", summary="Nothing")),
        says(call("argo_app_wait", app="bystander")),
        says(call("resolve", summary="done")),
        says(call("give_up", reason="it was refused")),
    ]
    told = []
    while ticket.status in {Status.EXECUTING, Status.OBSERVING}:
        model = site.desk.advance(ticket, *script, **site.settings)
        script = script[len(model.requests) :]
        told += [m.content for request in model.requests for m in request.messages]
    assert ticket.status == Status.FAILED
    assert any("this repository's application" in content for content in told)

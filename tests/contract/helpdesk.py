"""The helpdesk's ports: clients, and what their answers have in common."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings

from governance.policy import activation, current
from governance.types import SYSTEM, Role
from tests.contract.conftest import JsonClient
from tests.people import person

AUDITD, GATEWAY = "auditd", "gateway"


class Helpdesk(JsonClient):
    """A client of auditd or of the gateway."""

    def __init__(self, surface: str = AUDITD, **more: Any) -> None:
        self.port = str(getattr(settings.AURA.ports, surface))
        super().__init__(raise_request_exception=False, HTTP_HOST=f"localhost:{self.port}", **more)


def ok(response: Any, status: int = 200) -> Any:
    """The body of an answer that must have succeeded."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    return response.json()


def refused(response: Any, status: int) -> str:
    """The text of an answer that must be this refusal, in the document's one shape."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    body = json.loads(response.content)
    assert list(body) == ["error"]
    assert isinstance(body["error"], str)
    assert body["error"]
    text: str = body["error"]
    return text


def asked(**fields: Any) -> dict[str, Any]:
    """The body of a request for approval."""
    usual = {
        "action_class": "write",
        "requested_by": "postgres_database_agent",
        "tool_name": "run_vacuum",
        "agent_name": "postgres_database_agent",
        "resource_type": "database",
        "resource_name": "prod-db",
        "trace_id": "tr_0f8fad5b-d9c",
        "request_context": {"table": "orders"},
    }
    return usual | fields


def new_approval(client: Helpdesk, **fields: Any) -> str:
    """Id of a request that waits."""
    key: str = ok(client.post("/v1/approvals", asked(**fields)), 201)["approval_id"]
    return key


# A production database that nothing may destroy and two people must release changes of.
POLICY = """
version: "1"
policies:
  - name: production
    priority: 100
    resources:
      - type: database
        match:
          tags: [inventory, production]
    rules:
      - action: destructive
        effect: deny
        message: nothing is destroyed in production
      - action: write
        effect: require_approval
        conditions:
          approval_quorum: 2
          max_rows_affected: 100
"""
INVENTORY = {
    "db_servers": {
        "prod-db": {
            "name": "Production",
            "connection_string": "host=db.example port=5432 dbname=shop user=app password=hunter22",
            "k8s_cluster": "main",
            "k8s_namespace": "shop",
            "tags": ["production"],
        },
        "dev-db": {"name": "Development", "connection_string": "host=dev.example dbname=shop"},
    },
    "k8s_clusters": {"main": {"name": "Main", "context": "main-admin"}},
    "vms": {"vm-1": {"name": "One", "host": "192.0.2.7"}},
}


def policy_in_force(policies: str = POLICY) -> None:
    """These on top of the built-in default, active. They may loosen nothing."""
    head, _, rest = current.built_in_text().partition("policies:\n")
    added = policies.partition("policies:\n")[2]
    text = f"{head}policies:\n{added}{rest}"
    row = activation.keep(text, source="policy.yaml", by=SYSTEM)
    assert activation.propose(row, by=person("root-of-policy", Role.ADMIN)).active
    current.forget()

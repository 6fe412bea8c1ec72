"""What the incident agent does without a model."""

from __future__ import annotations

import json

import pytest

from agents.incident.questions import calls_for


@pytest.mark.parametrize(
    "question", ["Which incident bundles are there?", "list incidents", "show me the bundles"]
)
def test_whoever_asks_about_bundles_is_shown_them(question):
    assert calls_for(question) == (("list_incidents", {}),)


def test_whoever_asks_for_one_gets_it_of_the_database_they_name(inventory):
    inventory(prod_db="host=a dbname=b", prod_db_2="host=c dbname=d")
    question = "Create an incident bundle for prod-db: OOM killer triggered"
    about = {"infra_key": "prod-db", "connection_string": "prod-db", "description": question}
    assert calls_for(question) == (("create_incident_bundle", about),)


def test_a_database_may_be_called_by_another_name(inventory, settings):
    inventory(orders="host=a dbname=b")
    path = settings.AURA.infra_config
    said = json.loads(path.read_text())
    said["db_servers"]["orders"]["aliases"] = ["prod-db"]
    path.write_text(json.dumps(said))

    ((_, arguments),) = calls_for("create an incident bundle for PROD-DB: OOM killer triggered")

    assert arguments["connection_string"] == "orders"


def test_without_a_known_target_it_is_a_bundle_of_the_host():
    question = "please collect diagnostics, the disk is full"
    assert calls_for(question) == (("create_incident_bundle", {"description": question}),)


@pytest.mark.parametrize("question", ["", "What is the weather?", "how many pods are there"])
def test_what_is_about_no_bundle_is_answered_with_nothing(question):
    assert calls_for(question) == ()

"""GET /api/info"""

from __future__ import annotations

import pytest

from aura.config import VERSION
from tests.contract.wire import ok

pytestmark = pytest.mark.django_db


def test_the_answer_is_the_documents_own(api, settings):
    settings.AURA = settings.AURA.model_copy(
        update={"env": "production", "llm_model": "openai/gpt-4-turbo"}
    )
    body = ok(api.get("/api/info"))
    assert list(body.items()) == [
        ("version", VERSION),
        ("environment", "production"),
        ("llm", {"model": "openai/gpt-4-turbo", "provider": "openai"}),
        (
            "features",
            {
                "planApprovalRequired": True,
                "destructiveActionApproval": True,
                "autoMergeOnResolution": True,
            },
        ),
    ]
    assert list(body["llm"]) == ["model", "provider"]
    assert list(body["features"]) == [
        "planApprovalRequired",
        "destructiveActionApproval",
        "autoMergeOnResolution",
    ]


@pytest.mark.parametrize(
    ("setting", "feature"),
    [
        ("agent_plan_approval", "planApprovalRequired"),
        ("agent_destructive_approval", "destructiveActionApproval"),
        ("agent_auto_merge", "autoMergeOnResolution"),
    ],
)
def test_each_feature_follows_its_setting(api, settings, setting, feature):
    settings.AURA = settings.AURA.model_copy(update={setting: False})
    features = ok(api.get("/api/info"))["features"]
    assert [name for name, on in features.items() if not on] == [feature]


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-4-turbo", "openai"), ("anthropic/claude-x", "anthropic"), ("a/b/c", "a")],
)
def test_the_provider_is_told_from_the_models_name(api, settings, model, provider):
    settings.AURA = settings.AURA.model_copy(update={"llm_model": model})
    assert ok(api.get("/api/info"))["llm"] == {"model": model, "provider": provider}


def test_without_a_model_the_offline_planner_works(api):
    assert ok(api.get("/api/info"))["llm"] == {"model": "offline-planner", "provider": "offline"}


def test_no_key_and_no_address_is_told(api, settings):
    hidden = {
        "llm_api_key": "hidden-1",
        "llm_base_url": "https://user:hidden-2@llm.internal",
        "git_repo_url": "https://hidden-3@git.internal/x",
        "git_token": "hidden-4",
        "secret_key": "hidden-5",
        "database_url": "postgresql://aura:hidden-6@db/aura",
    }
    settings.AURA = settings.AURA.model_copy(update=hidden)
    text = api.get("/api/info").content.decode()
    assert "environment" in text
    assert "hidden" not in text
    assert "internal" not in text

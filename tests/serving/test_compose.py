"""docker-compose.yml and the Dockerfile say what production needs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from aura.config import Settings
from tests.serving.instance import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("web", "worker", "beat")


def test_the_services_are_those_of_the_architecture() -> None:
    assert set(SERVICES) == {"postgres", "redis", *OURS}
    assert set(COMPOSE["volumes"]) == {"postgres", "web", "worker", "beat"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", OURS)
def test_exposed_services_require_tokens_and_a_secret(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["AURA_AUTH"] == "on"
    assert environment["AURA_SECRET_KEY"].startswith("${AURA_SECRET_KEY:?")
    assert "${POSTGRES_PASSWORD:?" in environment["AURA_DATABASE_URL"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    known = {f"AURA_{field.upper()}" for field in Settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= known


def test_only_the_worker_holds_credentials_of_the_outside() -> None:
    for name in ("web", "beat"):
        assert not {"AURA_GIT_TOKEN", "AURA_LLM_API_KEY"} & set(SERVICES[name]["environment"])


def test_every_documented_port_is_published_on_loopback() -> None:
    ports = Settings().ports.listed()
    assert SERVICES["web"]["ports"] == [
        f"${{AURA_PUBLISH:-127.0.0.1}}:{port}:{port}" for _, _, port in ports
    ]


def test_the_image_installs_by_hash_and_runs_as_an_ordinary_user() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert any(line.startswith("USER aura") for line in lines)
    assert sum("--require-hashes" in line for line in lines) == 2
    assert not any("SECRET" in line or "PASSWORD" in line for line in lines)

"""docker-compose.yml, its overlay and the images say what production needs.

Whether the commands work is tests/operations/test_production_shape.py's.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from aura.config import Settings
from aura.kernel.routes import STREAM_PATH
from aura.serving.roles import WEB_ROLES
from tests.serving.instance import ROOT


class Loader(yaml.SafeLoader):
    """Knows the one tag of Compose's own that is used."""


def _replaced(loader: Loader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node)


Loader.add_constructor("!override", _replaced)


def read(name: str) -> Any:
    return yaml.load((ROOT / name).read_text(), Loader)  # noqa: S506 - a SafeLoader


COMPOSE, TLS = read("docker-compose.yml"), read("deploy/tls.yml")
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "web", "stream", "worker", "beat")
SERVED = tuple(name for name in OURS if name != "migrate")
THEIRS = ("postgres", "redis", "proxy")
OUTSIDE = {"AURA_GIT_TOKEN", "AURA_LLM_API_KEY"}
EVERY = pytest.mark.parametrize("name", SERVICES)
EVERY_OF_OURS = pytest.mark.parametrize("name", OURS)


def test_each_role_has_a_service():
    assert set(SERVICES) == {*OURS, *THEIRS}
    commands = {SERVICES[name]["command"][-1] for name in SERVED}
    assert commands == {*WEB_ROLES, "worker", "beat"} == set(SERVED)


@EVERY
def test_every_service_that_stays_has_a_health_check(name):
    check = SERVICES[name]["healthcheck"]
    assert check == {"disable": True} if name == "migrate" else check["test"]


@EVERY
def test_no_service_can_write_its_image_or_gain_rights(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True


@EVERY
def test_no_service_can_take_the_whole_machine(name):
    assert {"mem_limit", "cpus", "pids_limit"} <= set(SERVICES[name])
    assert SERVICES[name]["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_what_is_not_ours_runs_as_its_own_user(name):
    assert SERVICES[name]["user"] == name


@pytest.mark.parametrize("file", ["Dockerfile", "deploy/proxy.Dockerfile"])
def test_our_images_run_as_an_ordinary_user(file):
    lines = (ROOT / file).read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert "root" not in users
    assert not any("SECRET" in line or "PASSWORD" in line for line in lines)


def test_our_image_installs_by_hash():
    assert (ROOT / "Dockerfile").read_text().count("--require-hashes") == 2


@EVERY_OF_OURS
def test_everybody_must_log_in_and_is_throttled(name):
    environment = SERVICES[name]["environment"]
    assert environment["AURA_ENV"] == "production"
    assert environment["AURA_AUTH"] == "on"
    assert environment["AURA_THROTTLE"] == "on"


@EVERY_OF_OURS
def test_only_the_proxy_is_believed_about_addresses(name):
    front = SERVICES["proxy"]["networks"]["front"]["ipv4_address"]
    assert SERVICES[name]["environment"]["AURA_TRUSTED_PROXIES"] == front


@EVERY_OF_OURS
def test_every_variable_and_every_secret_is_a_setting(name):
    known = {f"AURA_{field.upper()}" for field in Settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= known
    assert set(SERVICES[name]["secrets"]) <= known
    assert set(TLS["services"][name]["environment"]) <= known


@EVERY
def test_secrets_are_files_and_never_variables(name):
    environment = json.dumps(SERVICES[name].get("environment", {}))
    command = json.dumps(SERVICES[name].get("command", []))
    for word in (
        "AURA_SECRET_KEY",
        "TOKEN",
        "API_KEY",
        "postgresql://",
        "redis://",
        "requirepass $",
    ):
        assert word not in environment
        assert word not in command


def test_every_secret_that_is_granted_is_made_by_the_script():
    made = (ROOT / "deploy/make-secrets").read_text()
    for name, source in COMPOSE["secrets"].items():
        assert source == {"file": f"./secrets/{name}"}
        assert f"make {name} " in made
    assert "/secrets/" in (ROOT / ".gitignore").read_text()


def test_only_the_worker_holds_credentials_of_the_outside():
    for name in OURS:
        assert bool(OUTSIDE & set(SERVICES[name]["secrets"])) == (name == "worker")


def test_only_the_worker_and_what_is_published_can_reach_out():
    assert COMPOSE["networks"]["back"] == {"internal": True}
    for name in ("postgres", "redis", "migrate", "beat"):
        assert SERVICES[name]["networks"] == ["back"]
    assert "out" in SERVICES["worker"]["networks"]


@pytest.mark.parametrize("name", SERVED)
def test_nothing_serves_before_the_database_is_migrated(name):
    after = SERVICES[name]["depends_on"]
    assert after["migrate"] == {"condition": "service_completed_successfully"}


def test_every_documented_port_is_published_on_loopback():
    published = SERVICES["proxy"]["ports"] + SERVICES["web"]["ports"]
    assert published == [
        f"${{AURA_PUBLISH:-127.0.0.1}}:{port}:{port}" for _, _, port in Settings().ports.listed()
    ]


def test_the_proxy_sends_to_the_stream_service_what_the_application_takes_for_a_stream():
    caddy = (ROOT / "deploy/Caddyfile").read_text()
    assert f"@stream path_regexp ^{STREAM_PATH.pattern}$\n" in caddy
    streams, rest = caddy.split("handle @stream", 1)[1].split("handle {", 1)
    assert "{$AURA_STREAM}" in streams
    assert "{$AURA_WEB}" in rest
    said = SERVICES["proxy"]["environment"]
    assert (said["AURA_WEB"], said["AURA_STREAM"]) == ("web:3000", "stream:3000")


def test_the_overlay_for_tls_changes_our_services_and_the_proxy_alone():
    assert set(TLS["services"]) == {*OURS, "proxy"}
    assert TLS["services"]["proxy"]["ports"] == ["80:80", "443:443"]

"""The locked requirements: complete, by hash, and naming no registry."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.serving.instance import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-dev.lock", ".ci/uv.txt")


def pins(lock: str) -> dict[str, str]:
    """name -> version"""
    text = (ROOT / lock).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==([^ ;\\]+)", text, re.MULTILINE))


def names(requirements: list[str]) -> set[str]:
    """Normalised as the locks spell them."""
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in requirements)
    return {re.sub(r"[._]", "-", match[0].lower()) for match in found if match}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_address_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    entries = [e for e in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE) if "==" in e]
    assert len(entries) >= len(pins(lock)) > 0
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    runtime = names(PROJECT["project"]["dependencies"])
    assert runtime <= set(pins("requirements.lock"))
    assert names(PROJECT["dependency-groups"]["dev"]) <= set(pins("requirements-dev.lock"))


def test_development_runs_the_versions_of_production() -> None:
    development = pins("requirements-dev.lock")
    for name, version in pins("requirements.lock").items():
        assert development[name] == version, name

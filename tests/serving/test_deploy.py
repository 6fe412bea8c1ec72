"""`manage.py check --deploy`: silent on production settings, and not by looking away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aura import checks
from aura.serving.headers import SecureHeaders
from tests.serving.instance import ROOT, bare_environment

PRODUCTION = {
    "AURA_ENV": "production",
    "AURA_SECRET_KEY": "k9" + "Zq7-Wv4_Xt2" * 6,
    "AURA_SERVER_HOST": "0.0.0.0",  # noqa: S104 - in a container
    "AURA_PUBLIC_URL": "https://aura.example.com",
}


def test_production_settings_leave_nothing_to_complain_of(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=bare_environment() | PRODUCTION | {"AURA_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("change", "complaints"),
    [
        ({"auth": "on"}, []),
        ({"auth": "off"}, ["aura.W002"]),
        ({"auth": "on", "server_host": "10.0.0.1"}, ["aura.W001"]),
        (
            {"auth": "on", "server_host": "10.0.0.1", "public_url": "http://a.example"},
            ["aura.W001"],
        ),
        ({"auth": "on", "server_host": "10.0.0.1", "public_url": "https://a.example"}, []),
    ],
)
def test_what_is_readable_on_the_way_or_open_to_all_is_said(
    settings: Any, change: dict[str, str], complaints: list[str]
) -> None:
    settings.AURA = settings.AURA.model_copy(update=change)
    assert [found.id for found in checks.tls() + checks.authentication()] == complaints


def test_https_is_insisted_on_only_where_there_is_tls() -> None:
    name = b"strict-transport-security"
    assert name not in dict(SecureHeaders(hsts_s=0).added([], private=True))
    assert dict(SecureHeaders(hsts_s=60).added([], private=True))[name] == b"max-age=60"


def test_an_answer_keeps_the_headers_it_brought() -> None:
    given = [(b"Cache-Control", b"no-cache"), (b"content-type", b"text/html; charset=utf-8")]
    headers = SecureHeaders(hsts_s=0).added(given, private=True)
    assert [value for name, value in headers if name.lower() == b"cache-control"] == [b"no-cache"]
    assert b"script-src 'self'" in dict(headers)[b"content-security-policy"]

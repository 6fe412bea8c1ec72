"""What `up` prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from aura.config import Settings
from aura.serving.banner import banner, console_url, try_it, without_password
from aura.serving.startup import First


def test_every_surface_is_listed_with_what_it_holds(tmp_path: Path) -> None:
    first = First(password="s3cret", token="aura_t0ken")
    text = banner(Settings(data_dir=tmp_path), first=first, workers=True)
    assert "http://127.0.0.1:3000/api" in text
    assert "admin / s3cret" in text
    assert f"aura_t0ken  (of operator: opens tickets; kept in {tmp_path}/first-token.txt)" in text
    assert "http://127.0.0.1:8080  (/api/v1/query, /db, /k8s, /incidents, /gov" in text
    assert "none: rules and the offline planner" in text
    assert "set AURA_GIT_REPO_URL" in text


def test_a_later_start_says_where_the_login_is_as_long_as_it_is_there(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert "first-login" not in banner(settings, first=None, workers=True)
    for name in ("first-login.txt", "first-token.txt"):
        (tmp_path / name).touch()
        assert f"as written in {tmp_path}/{name}" in banner(settings, first=None, workers=True)


def test_the_commands_carry_the_token_and_not_its_text(tmp_path: Path) -> None:
    note = tmp_path / "it's here" / "first-token.txt"
    note.parent.mkdir()
    settings = Settings(data_dir=note.parent, auth="on")
    assert "create_token" in try_it(settings)  # somebody threw the note away
    note.write_text("aura_t0ken\n")
    command = try_it(settings).splitlines()[0]
    assert "aura_t0ken" not in command
    printed = subprocess.check_output(  # noqa: S602 - as a person pastes it
        command.replace("curl", "printf '%s|'", 1), shell=True, text=True
    )
    assert "Authorization: Bearer aura_t0ken|" in printed
    assert "Authorization" not in try_it(Settings(data_dir=note.parent, auth="off"))


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        ("https://me:tok@git.example/x.git", "https://git.example/x.git"),
        ("git@git.example:x.git", "git@git.example:x.git"),
        ("/srv/repo.git", "/srv/repo.git"),
    ],
)
def test_credentials_are_not_printed(url: str, printed: str) -> None:
    assert without_password(url) == printed


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:3000/admin/"),  # noqa: S104
        ("::1", "http://[::1]:3000/admin/"),
        ("localhost", "http://localhost:3000/admin/"),
    ],
)
def test_addresses_are_such_that_a_browser_can_open_them(host: str, url: str) -> None:
    assert console_url(Settings(server_host=host, auth="on")) == url

"""What `up` prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from aura.config import Settings
from aura.serving.banner import banner, console_url, without_password


def test_every_surface_is_listed_with_what_it_holds(tmp_path: Path) -> None:
    text = banner(Settings(data_dir=tmp_path), password="s3cret", workers=True)
    assert "http://127.0.0.1:3000/api" in text
    assert "admin / s3cret" in text
    assert "http://127.0.0.1:8080  (no endpoints yet)" in text
    assert "none: rules and the offline planner" in text
    assert "set AURA_GIT_REPO_URL" in text


def test_a_later_start_says_where_the_login_is_as_long_as_it_is_there(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert "first-login" not in banner(settings, password=None, workers=True)
    (tmp_path / "first-login.txt").touch()
    assert f"as written in {tmp_path}/first-login.txt" in banner(
        settings, password=None, workers=True
    )


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

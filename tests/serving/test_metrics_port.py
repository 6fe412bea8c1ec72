"""`AURA_METRICS_PORT`: the metrics of a process without a web server."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from aura.config import Settings
from aura.kernel.errors import Unauthenticated
from aura.seeing.port import serve_metrics
from tests.serving.instance import free_ports


def served(tmp_path: Path, auth: str) -> str:
    """URL of a port that knows the token `good`, and fails as the product does for others."""

    def allowed(token: str) -> bool:
        if token == "unknown":
            raise Unauthenticated("no")
        return token == "good"

    port = free_ports()["AURA_SECBOT_PORT"]
    config = Settings(data_dir=tmp_path, metrics_port=port, auth=auth)
    serve_metrics(config, allowed)
    return f"http://127.0.0.1:{port}"


def test_a_worker_shows_what_it_counted(tmp_path: Path) -> None:
    url = served(tmp_path, "off")
    answer = httpx.get(f"{url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "aura_process_open_fds" in answer.text
    assert httpx.get(f"{url}/other").status_code == 404
    assert httpx.post(f"{url}/metrics").status_code == 404


def test_where_tokens_are_required_they_are_here_too(tmp_path: Path) -> None:
    url = f"{served(tmp_path, 'on')}/metrics"
    assert httpx.get(url).status_code == 401
    for token, status in (("good", 200), ("poor", 401), ("unknown", 401)):
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
    assert httpx.get(url).headers["www-authenticate"] == "Bearer"


def test_a_taken_port_is_told_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        serve_metrics(Settings(data_dir=tmp_path, metrics_port=port), lambda _: True)
    assert f"AURA_METRICS_PORT {port}" in caplog.text

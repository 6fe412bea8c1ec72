"""`manage.py up`, run for real."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving.instance import Instance, eventually, running

LIMIT = 1024 * 1024
CSP = "content-security-policy"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running(tmp_path_factory.mktemp("up"), AURA_AUTH="on") as instance:
        yield instance


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    instance = Instance(tmp_path / "data")
    yield instance
    instance.clean()


def test_every_port_answers_from_its_own_table(up: Instance) -> None:
    assert httpx.get(up.url("AURA_AUDITD_PORT", "/health")).json() == {"status": "ok"}
    assert httpx.get(up.url("AURA_SECBOT_PORT", "/health")).json() == {"status": "ok"}
    assert httpx.get(up.url("AURA_SERVER_PORT", "/api/health")).status_code == 200
    for port in ("AURA_GATEWAY_PORT", "AURA_AGENT_PORT"):
        answer = httpx.get(up.url(port, "/v1/verify"))
        assert answer.status_code == 404
        assert isinstance(answer.json()["error"], str)


def test_a_forged_host_does_not_change_the_port(up: Instance) -> None:
    auditd = up.ports["AURA_AUDITD_PORT"]
    answer = httpx.get(
        up.url("AURA_GATEWAY_PORT", "/v1/verify"), headers={"Host": f"localhost:{auditd}"}
    )
    assert answer.status_code == 404


def test_a_head_request_gets_the_headers_of_the_body_and_no_body(up: Instance) -> None:
    url = up.url("AURA_AUDITD_PORT", "/health")
    answer = httpx.head(url)
    assert answer.content == b""
    assert answer.headers["content-length"] == httpx.get(url).headers["content-length"]


def test_a_body_over_the_limit_is_refused_in_the_envelope_of_its_port(up: Instance) -> None:
    body = b"x" * (LIMIT + 1)
    on_api = httpx.post(up.url("AURA_SERVER_PORT", "/api/tickets"), content=body)
    assert on_api.status_code == 413
    assert on_api.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"
    on_auditd = httpx.post(up.url("AURA_AUDITD_PORT", "/v1/events"), content=body)
    assert on_auditd.status_code == 413
    assert isinstance(on_auditd.json()["error"], str)


def test_a_chunked_body_counts_towards_the_limit(up: Instance) -> None:
    chunks = (b"x" * 4096 for _ in range(LIMIT // 4096 + 1))
    answer = httpx.post(up.url("AURA_SERVER_PORT", "/api/tickets"), content=chunks)
    assert answer.status_code == 413


def test_requests_on_one_connection_do_not_wait_for_nagle(up: Instance) -> None:
    with httpx.Client(base_url=up.url("AURA_AUDITD_PORT")) as client:
        client.get("/health")
        took = []
        for _ in range(400):  # it would cost nearly each of them 40 ms
            began = time.monotonic()
            client.get("/health")
            took.append(time.monotonic() - began)
            if sum(each < 0.035 for each in took) > 5:
                break
        assert sorted(took)[5] < 0.035


def test_the_first_login_is_kept_where_only_its_owner_reads_it(up: Instance) -> None:
    note = up.data / "first-login.txt"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert stat.S_IMODE((up.data / "first-token.txt").stat().st_mode) == 0o600
    password = note.read_text().splitlines()[-1].removeprefix("password: ")
    assert any(f"admin / {password}" in line for line in up.lines)
    with httpx.Client(base_url=up.url()) as client:
        form = client.get("/admin/login/")
        assert form.status_code == 200
        answer = client.post(
            "/admin/login/?next=/admin/",
            data={
                "username": "admin",
                "password": password,
                "csrfmiddlewaretoken": client.cookies["csrftoken"],
            },
        )
        assert answer.status_code == 302


def test_the_printed_token_and_commands_work_as_they_are_printed(up: Instance) -> None:
    token = (up.data / "first-token.txt").read_text().strip()
    assert any(line.split()[:2] == ["Token", token] for line in up.lines)
    eventually(lambda: len([line for line in up.lines if line.startswith("curl")]) == 2)
    listed, opened = (
        json.loads(subprocess.check_output(line, shell=True))  # noqa: S602 - as a person pastes it
        for line in up.lines
        if line.startswith("curl")
    )
    assert listed == {"tickets": [], "total": 0}
    assert opened["status"] == "draft"
    refused = httpx.get(up.url(path="/api/tickets"))
    assert refused.status_code == 401
    assert "manage.py create_token" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("setting", "path", "status"),
    [
        ("AURA_SERVER_PORT", "/api/tickets", 401),
        ("AURA_SERVER_PORT", "/api/stream", 401),
        ("AURA_SERVER_PORT", "/api/health", 200),
        ("AURA_SERVER_PORT", "/api/docs", 200),
        ("AURA_SERVER_PORT", "/admin/login/", 200),
        ("AURA_SERVER_PORT", "/admin/password_change/", 302),
        ("AURA_SERVER_PORT", "/nowhere", 404),
        ("AURA_AUDITD_PORT", "/health", 200),
    ],
)
def test_every_answer_has_the_headers_that_browsers_heed(
    up: Instance, setting: str, path: str, status: int
) -> None:
    answer = httpx.get(up.url(setting, path))
    assert answer.status_code == status
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    policy = dict(part.strip().partition(" ")[::2] for part in headers[CSP].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy.get("script-src", "'self'") == policy.get("style-src", "'self'") == "'self'"
    assert "strict-transport-security" not in headers  # it is plain http
    if path.startswith(("/api/", "/admin/")):
        assert "no-store" in headers["cache-control"]
    assert [name for name in headers if len(headers.get_list(name)) > 1] == []


@pytest.mark.parametrize("path", ["/admin/password_change/", "/admin/auth/user/add/"])
def test_a_refused_form_of_the_console_is_kept_by_nobody(up: Instance, path: str) -> None:
    refused = httpx.post(up.url(path=path), data={"reason": "typed"})
    assert refused.status_code == 403
    assert refused.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in refused.headers[CSP]


def test_a_killed_worker_is_started_again(up: Instance) -> None:
    eventually(lambda: up.child("worker"))
    first = up.child("worker")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert "starting it again in 0.2 s" in up.wait_line("worker was killed by signal 9", 5)
    eventually(lambda: up.child("worker") not in {None, first})


def test_killed_services_are_started_again(up: Instance) -> None:
    postmaster = int((up.data / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    up.wait_line("PostgreSQL had died and was started again", 20)
    eventually(lambda: httpx.get(up.url(path="/api/health")).status_code == 200)


def test_a_second_up_on_the_same_directory_is_refused(up: Instance) -> None:
    second = Instance(up.data)
    second.start()
    assert second.wait_end() == 1
    assert len(second.lines) == 1
    assert "already runs on" in second.lines[0]
    assert httpx.get(up.url(path="/api/health")).status_code == 200


def test_a_port_in_use_is_named_and_nothing_is_left(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", instance.ports["AURA_SECBOT_PORT"])):
        instance.start()
        assert instance.wait_end() == 1
    port = instance.ports["AURA_SECBOT_PORT"]
    assert instance.lines == [
        f"Port {port} (secbot) on 127.0.0.1 is in use; set AURA_SECBOT_PORT to a free one."
    ]
    assert instance.leftovers() == []
    assert not (instance.data / "postgres").exists()


def test_an_open_stream_does_not_delay_the_end(instance: Instance) -> None:
    instance.start()
    instance.wait_ready()
    with httpx.stream("GET", instance.url(path="/api/stream")) as stream:
        assert stream.status_code == 200
        began = time.monotonic()
        assert instance.stop() == 0
        assert time.monotonic() - began < 60  # a stream that is waited for would never end
        assert b"".join(stream.iter_raw()) is not None  # a whole last chunk, no protocol error
    assert not any("Traceback" in line for line in instance.lines)


def test_two_instances_run_side_by_side_and_sigterm_ends_one_alone_which_says_so(
    up: Instance, instance: Instance
) -> None:
    instance.settings["AURA_GIT_REPO_URL"] = "http://127.0.0.1:9/none.git"
    instance.start()
    instance.wait_ready()
    warning = "warning: the repository of AURA_GIT_REPO_URL cannot be used: "
    eventually(lambda: any(line.startswith(warning) for line in instance.lines))
    assert httpx.get(instance.url(path="/api/health")).status_code == 200
    eventually(lambda: instance.child("worker"))
    assert instance.stop() == 0
    eventually(lambda: any(line.startswith("Ending: ") for line in instance.lines))
    assert instance.leftovers() == []
    assert not any("Traceback" in line for line in instance.lines)
    assert httpx.get(up.url(path="/api/health")).status_code == 200


@pytest.mark.parametrize("delay_s", [0.15, 1.8])
def test_a_signal_during_the_start_ends_it_cleanly(instance: Instance, delay_s: float) -> None:
    instance.start()
    time.sleep(delay_s)
    assert instance.stop(signal.SIGINT) == 0
    assert not any("Traceback" in line for line in instance.lines)
    eventually(lambda: instance.leftovers() == [])


def test_after_kill_9_children_end_and_the_next_up_heals(instance: Instance) -> None:
    instance.start()
    instance.wait_ready()
    eventually(lambda: instance.child("worker") and instance.child("beat"))
    orphans = [instance.child("worker"), instance.child("beat")]
    assert instance.process is not None
    instance.process.kill()
    instance.wait_end()
    instance.start()
    instance.wait_ready()
    assert any("as written in" in line for line in instance.lines)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    assert instance.stop() == 0
    assert instance.leftovers() == []


def test_a_bad_setting_is_a_readable_line(instance: Instance) -> None:
    instance.settings["AURA_SERVER_PORT"] = "70000"
    instance.start()
    assert instance.wait_end() == 2
    (line,) = instance.lines
    assert line.startswith("AURA_SERVER_PORT: ")


def test_a_misspelt_setting_is_a_warning(instance: Instance) -> None:
    instance.settings |= {"AURA_SERVER_PROT": "1", "AURA_SERVER_HOST": "203.0.113.1"}
    instance.settings["AURA_AUTH"] = "on"
    instance.start()
    assert instance.wait_end() == 1
    assert "did you mean AURA_SERVER_PORT?" in instance.lines[0]
    assert instance.lines[1] == ("AURA_SERVER_HOST: 203.0.113.1 is not an address of this machine.")

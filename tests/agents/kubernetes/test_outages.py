"""A cluster that is down, hangs, lies or does not know us: one plain line, within the time-out."""

from __future__ import annotations

import json
import socket
import ssl
import time

import pytest

from agents.kubernetes import client
from agents.runtime.tool import ToolFailure, TransientFailure
from agents.sandbox import certificates
from tests.agents.kubernetes import servers
from tests.agents.kubernetes.servers import kubeconfig, listening, serving


@pytest.fixture
def refused(desk, configure, tmp_path):
    """The two lines of the failure of a look at a server."""

    def lines(server: str, expected=ToolFailure, **user):
        configure(kubeconfig=kubeconfig(tmp_path / "kubeconfig", server, **user))
        with pytest.raises(ToolFailure) as failure:
            desk.run("get_pods")
        assert type(failure.value) is expected
        diagnosis, error = str(failure.value).splitlines()
        assert error.startswith("ERROR — get_pods failed for namespace default: ")
        return diagnosis

    return lines


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_nothing_listens(refused):
    url = f"http://127.0.0.1:{free_port()}"

    said = refused(url, TransientFailure)

    assert said == f"The cluster cannot be reached: nothing answers at {url}. Is it running?"


def test_a_host_without_an_address(refused):
    said = refused("http://cluster.invalid", TransientFailure)
    assert said.startswith("The host of the cluster is not known: http://cluster.invalid")


@pytest.mark.parametrize("talk", [servers.silent, servers.trickling])
def test_a_server_that_hangs_is_left_when_time_is_up(refused, monkeypatch, talk):
    assert client.API_TIMEOUT_S == 10.0
    monkeypatch.setattr(client, "API_TIMEOUT_S", 0.5)
    with listening(talk) as server:
        began = time.monotonic()
        said = refused(f"http://{server}", TransientFailure)

    assert time.monotonic() - began < 30
    assert said == "The cluster did not answer within 0.5 s."


def test_a_server_that_hangs_in_its_handshake(refused, monkeypatch):
    monkeypatch.setattr(client, "API_TIMEOUT_S", 0.5)
    with listening(servers.silent) as server:
        said = refused(f"https://{server}", TransientFailure)

    assert said == "The cluster did not answer within 0.5 s."


def test_a_connection_that_breaks_off(refused):
    with listening(servers.breaking) as server:
        said = refused(f"http://{server}", TransientFailure)

    assert said == f"The connection to the cluster broke off at http://{server}."


def test_a_certificate_that_nobody_knows(refused, tmp_path):
    pair = certificates.pair("127.0.0.1", "localhost", "127.0.0.1")
    file = tmp_path / "server.pem"
    file.write_text(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with listening(servers.silent, context) as server:
        said = refused(f"https://{server}")

    assert said.startswith(f"The cluster at https://{server} cannot be trusted: the TLS handshake")
    assert "certificate" in said


def test_a_port_that_does_not_speak_tls(refused):
    with serving(servers.answering(200, b"{}")) as server:
        said = refused(f"https://{server}")

    assert said.startswith(f"The cluster at https://{server} cannot be trusted")


@pytest.mark.parametrize("body", [b"<html>It works!</html>", b"[1]", b"\xff\xfe"])
def test_a_server_that_is_no_cluster(refused, body):
    with serving(servers.answering(200, body)) as server:
        said = refused(f"http://{server}")

    assert said == f"What answers at http://{server} is not a Kubernetes API."


@pytest.mark.parametrize(
    ("status", "message", "expected", "kind"),
    [
        (500, "etcdserver: leader changed", "has a fault of its own: etcdserver", TransientFailure),
        (503, "apiserver is shutting down", "has a fault of its own: apiserver", TransientFailure),
        (429, "too many requests", "asks to wait", TransientFailure),
        (409, "the object has been modified", "was changed by somebody else", ToolFailure),
        (422, "spec.replicas: Invalid value", "refuses the object as invalid", ToolFailure),
        (403, "exceeded quota: small", "The cluster forbids it: exceeded quota", ToolFailure),
        (302, "go away", "has a fault of its own", ToolFailure),
    ],
)
def test_answers_of_a_server_are_told_plainly(refused, status, message, expected, kind):
    body = {"kind": "Status", "status": "Failure", "message": message, "reason": "Because"}
    with serving(servers.answering(status, json.dumps(body).encode())) as server:
        said = refused(f"http://{server}", kind)

    assert expected in said


# --- credentials ---


def test_a_token_that_is_wrong_or_has_expired(refused, running):
    said = refused(running.url, token="sesame-open-sesame")

    assert said.startswith("The cluster does not accept the credentials of context 'test'")


def test_a_renewed_token_counts_at_once(desk, configure, tmp_path, running):
    file = tmp_path / "kubeconfig"
    configure(kubeconfig=kubeconfig(file, running.url, token="an-old-token"))
    with pytest.raises(ToolFailure, match="does not accept the credentials"):
        desk.run("get_nodes")

    kubeconfig(file, running.url, token="sandbox-admin")

    assert desk.run("get_nodes").data["count"] == 3


def test_a_token_file_is_read_again_when_its_token_is_refused(desk, configure, tmp_path, running):
    token = tmp_path / "token"
    token.write_text("sandbox-admin")
    configure(kubeconfig=kubeconfig(tmp_path / "kubeconfig", running.url, tokenFile=str(token)))
    desk.run("get_nodes")
    running.cluster.options.tokens["rotated-token"] = running.cluster.options.tokens.pop(
        "sandbox-admin"
    )
    try:
        token.write_text("rotated-token")
        assert desk.run("get_nodes").data["count"] == 3
    finally:
        running.cluster.options.tokens["sandbox-admin"] = running.cluster.options.tokens.pop(
            "rotated-token"
        )


def test_a_token_is_shown_nowhere(refused):
    body = {"kind": "Status", "message": "token sesame-very-secret is unknown", "code": 500}
    with serving(servers.answering(500, json.dumps(body).encode())) as server:
        said = refused(f"http://{server}", TransientFailure, token="sesame-very-secret")

    assert "sesame" not in said


@pytest.mark.parametrize(
    "user",
    [
        {"exec": {"command": "touch", "args": ["{}"], "apiVersion": "x"}},
        {"auth-provider": {"name": "gcp", "config": {"cmd-path": "touch {}"}}},
    ],
)
def test_a_program_that_makes_credentials_is_never_run(refused, tmp_path, user):
    ran = tmp_path / "ran"
    said = refused("http://127.0.0.1:1", **json.loads(json.dumps(user).replace("{}", str(ran), 1)))

    assert "gets its credentials from a program or provider" in said
    assert "Give it the token of a service account" in said
    assert not ran.exists()


# --- kubeconfig ---


def test_a_context_that_is_not_there_is_told_with_those_that_are(desk):
    with pytest.raises(ToolFailure, match=r"^There is no context 'nowhere' .* aura-sandbox, "):
        desk.run("get_pods", context="nowhere")


def test_without_a_kubeconfig_there_is_only_the_cluster_we_run_in(desk, configure):
    configure(kubeconfig="")
    with pytest.raises(ToolFailure, match="credentials of context 'in-cluster' cannot be used"):
        desk.run("get_pods")
    with pytest.raises(ToolFailure, match="no kubeconfig is set; set AURA_KUBECONFIG"):
        desk.run("get_pods", context="prod")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds no configuration"),
        ("- 1", "holds no configuration"),
        ("a: [sesame-open-sesame", "is not YAML"),
        ("contexts: 5", "No current context is set"),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: y}}]",
            "names the cluster 'y'",
        ),
    ],
)
def test_a_kubeconfig_that_is_none(desk, configure, tmp_path, text, expected):
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    configure(kubeconfig=str(file))

    with pytest.raises(ToolFailure, match=expected) as failure:
        desk.run("get_pods")

    assert "sesame" not in str(failure.value)


@pytest.mark.parametrize(
    "user",
    [
        {"client-certificate-data": "abc", "client-key-data": "abc"},
        {"tokenFile": "/nowhere/token"},
        {"client-certificate": "/nowhere/cert.pem"},
    ],
)
def test_credentials_that_cannot_be_read(refused, user):
    assert "redentials of context 'test' cannot be used" in refused("https://127.0.0.1:1", **user)


def test_several_kubeconfigs_are_one(desk, configure, tmp_path, running):
    other = kubeconfig(tmp_path / "other", running.url, name="other", token="sandbox-view")
    configure(kubeconfig=f"{tmp_path / 'missing'}:{other}:{running.kubeconfig}")

    assert desk.run("get_nodes", context="aura-sandbox").data["count"] == 3
    assert desk.run("get_nodes").data["count"] == 3  # the first file's current context


def test_a_kubeconfig_that_is_missing(desk, configure):
    configure(kubeconfig="/nowhere/kubeconfig")
    with pytest.raises(ToolFailure, match="There is no kubeconfig at /nowhere/kubeconfig"):
        desk.run("get_pods")

"""Every failure is one sentence and an exit code."""

from __future__ import annotations

import socket

import pytest

from tests.processes import printed_by

ASK = {
    "approvals": ("pending",),
    "auditor": ("verify",),
    "govexplain": ("--list",),
}
PATH = {"approvals": "/v1/approvals/pending", "auditor": "/v1/verify", "govexplain": "/v1/events"}
FAILED = {"approvals": 1, "auditor": 2, "govexplain": 3}
TOOLS = pytest.mark.parametrize("name", ASK)


def ask(tool, name, url, *more):
    option = "--auditd" if name == "govexplain" else "--url"
    return tool(name, *ASK[name], option, url, *more)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@TOOLS
def test_a_server_that_is_away_is_said_with_what_to_do(tool, name):
    url = f"http://127.0.0.1:{closed_port()}"
    done = ask(tool, name, url)
    assert (done.code, done.out) == (FAILED[name], "")
    assert done.err.startswith(f"{name}: auditd at {url} cannot be reached")
    assert "HELPDESK_AUDIT_URL" in done.err


@TOOLS
@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, {"error": "log in"}, "wants to know who you are: set AURA_TOKEN (log in)"),
        (403, {"error": "it takes the role approver"}, "you are not allowed to do this: it takes"),
        (403, {"error": "You are not allowed to do this: x"}, ": You are not allowed"),
        (404, {"error": "approval not found"}, "approval not found (404)"),
        (409, {"error": "not pending"}, "not pending (409)"),
        (429, {"error": "too many"}, "too many (429)"),
        (500, {"error": {"message": "in Aura's words"}}, "in Aura's words (500)"),
        (500, "<html>", "500 Internal Server Error, and no JSON"),
        (503, {"error": "database away"}, "auditd is not available: database away"),
        (200, "<html>", "answers, but not with JSON"),
        (200, "", "answers, but not with JSON"),
        (200, {"valid": "maybe"}, "but not as auditd does"),
        (200, "3", "but not as auditd does"),
        (302, "", "leads to http://elsewhere/"),
    ],
)
def test_what_the_server_answers_is_said(tool, stub, name, status, body, words):
    stub.headers["Location"] = "http://elsewhere/"
    stub.says(PATH[name], (status, body))
    done = ask(tool, name, stub.url)
    assert (done.code, done.out) == (FAILED[name], "")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err


@TOOLS
def test_a_refused_token_is_said_and_never_shown(tool, stub, name):
    stub.says(PATH[name], (401, {"error": "unknown token"}))
    done = ask(tool, name, stub.url, "--token", "aura_s3cret")
    assert "auditd does not accept the token: unknown token" in done.err
    assert "s3cret" not in done.err + done.out
    assert stub.got[0][2]["authorization"] == "Bearer aura_s3cret"


@TOOLS
@pytest.mark.parametrize("url", ["localhost:1199", "ftp://x", "http://", "http://[::1", ""])
def test_a_bad_url_is_said(tool, name, url, monkeypatch):
    monkeypatch.setenv("HELPDESK_AUDIT_URL", url or "x")
    option = "--auditd" if name == "govexplain" else "--url"
    done = tool(name, *ASK[name], *((option, url) if url else ()))
    assert done.code == FAILED[name]
    assert "is no http(s) URL" in done.err


@TOOLS
def test_a_terminal_is_told_nothing_by_the_server(tool, stub, name):
    stub.says(PATH[name], (500, {"error": "\x1b]0;owned\x07\x1b[2J\u202egone"}))
    done = ask(tool, name, stub.url)
    assert "\\x1b]0;owned\\x07\\x1b[2J\\u202egone" in done.err


@TOOLS
@pytest.mark.parametrize("token", ["ä", "a\nb"])
def test_a_token_that_is_none_is_said(tool, stub, name, token):
    done = ask(tool, name, stub.url, "--token", token)
    assert done.code == FAILED[name]
    assert "Traceback" not in done.err
    assert stub.got == []


def test_the_exit_code_of_a_misspelt_call_is_the_tools(tool):
    assert tool("approvals", "aprove").code == 1
    assert tool("auditor", "verify", "--ful").code == 2
    assert tool("auditor", "nonsense").code == 2
    assert tool("govexplain").code == 3
    assert tool("govexplain", "--list", "--event", "x").code == 3


# --- the token ---


def test_a_token_comes_from_the_environment_or_a_file(tool, stub, monkeypatch, token_file):
    stub.says("/v1/approvals/pending", (200, []))
    sent = []

    def ask_once(*more):
        assert tool("approvals", "pending", "--url", stub.url, *more).code == 0
        sent.append(stub.got[-1][2].get("authorization"))

    ask_once()
    monkeypatch.setenv("AURA_TOKEN_FILE", str(token_file("of-file")))
    ask_once()
    monkeypatch.setenv("AURA_TOKEN", "of-environment")
    ask_once()
    ask_once("--token-file", str(token_file("of-option-file")))
    ask_once("--token", "typed")
    bearers = ["of-file", "of-environment", "of-option-file", "typed"]
    assert sent == [None, *(f"Bearer {token}" for token in bearers)]


def test_the_usual_file_is_found(tool, stub, tmp_path):
    usual = tmp_path / ".config" / "aura" / "token"
    usual.parent.mkdir(parents=True)
    usual.write_text("mine")
    usual.chmod(0o600)
    stub.says("/v1/approvals/pending", (200, []))
    tool("approvals", "pending", "--url", stub.url)
    assert stub.got[0][2]["authorization"] == "Bearer mine"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_file_that_others_may_read_is_refused(tool, stub, token_file, mode):
    path = token_file("s3cret", mode)
    done = tool("approvals", "pending", "--url", stub.url, "--token-file", str(path))
    assert done.code == 1
    assert f"chmod 600 {path}" in done.err
    assert "s3cret" not in done.err
    assert stub.got == []


def test_a_token_file_that_is_not_there_is_said(tool, stub):
    done = tool("approvals", "pending", "--url", stub.url, "--token-file", "/nowhere/token")
    assert done.code == 1
    assert "/nowhere/token cannot be read: No such file" in done.err


def test_the_token_does_not_follow_a_redirect(tool, stub):
    stub.says("/v1/approvals/pending", (307, ""))
    stub.headers["Location"] = f"{stub.url}/elsewhere"
    tool("approvals", "pending", "--url", stub.url, "--token", "aura_s3cret")
    assert len(stub.got) == 1


# --- how they start ---


@TOOLS
def test_a_tool_starts_without_django_and_celery(name):
    heavy = ("django", "celery", "aura", "redis", "psycopg", "pydantic", "yaml")
    program = (
        f"import sys, governance.cli.{name} as tool, contextlib, io\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    tool.main(['--help'])\n"
        f"print(sorted(set({heavy}) & set(sys.modules)))"
    )
    assert printed_by(program) == "[]"


def test_a_pipe_that_has_seen_enough_is_no_failure_to_shout_about():
    program = (
        "import subprocess, sys;"
        "tool = subprocess.Popen([sys.executable, '-m', 'governance.cli.approvals', '--help'],"
        " stdout=subprocess.PIPE, stderr=subprocess.PIPE);"
        "tool.stdout.close();"
        "print(b'Traceback' in tool.stderr.read())"
    )
    assert printed_by(program) == "False"


def test_each_tool_is_a_command_of_the_project():
    import tomllib

    from tests.serving.instance import ROOT

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = {name: f"governance.cli.{name}:main" for name in ASK}
    assert project["scripts"] == ours | {"aura": "tickets.cli.main:main"}

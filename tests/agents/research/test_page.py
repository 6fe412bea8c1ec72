"""Pages of the web, through the guard of outbound calls."""

from __future__ import annotations

import pytest

from agents.research import page
from tests.agents.research.asking import asked, called, data_of
from tests.stubs.receiver import answer, receiving

pytestmark = pytest.mark.django_db

HTML = b"<html><title>Release notes</title><script>x()</script><p>Fixed <b>it</b>.</p>"


def html(body: bytes = HTML, kind: str = "text/html; charset=utf-8"):
    return answer(200, body, Content_Type=kind)


def test_a_page_is_read_as_text(loopback):
    with receiving(html()) as site:
        task = called("fetch_page", url=site.url("/notes#part"))
    assert task.state == "completed", task.text
    assert task.text == f"Release notes\n{site.url('/notes')}\n\nFixed it."
    assert data_of(task)["sources"] == [{"title": "Release notes", "url": site.url("/notes")}]
    (got,) = site.got
    assert got.path == "/notes"
    assert got.body == b""
    assert not {"cookie", "authorization"} & set(got.headers)


def test_a_question_that_names_a_page_is_answered_with_it(loopback):
    with receiving(html()) as site:
        task = asked(f"What does {site.url('/notes')} say?")
    assert "Fixed it." in task.text


def test_plain_text_and_other_alphabets_are_read(loopback):
    with receiving(
        answer(200, b"a < b", Content_Type="text/plain"),
        html("<p>Grüße</p>".encode("latin-1"), "text/html; charset=iso-8859-1"),
        html("<p>Grüße</p>".encode("latin-1"), "text/html; charset=no-such-one"),
    ) as site:
        texts = [called("fetch_page", url=site.url()).text for _ in range(3)]
    assert texts[0].endswith("a < b")
    assert texts[1].endswith("Grüße")
    assert "Gr" in texts[2]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "http://example.com/",
        "https://example.com:22/",
        "file:///etc/passwd",
        "ftp://example.com/x",
        "https://user:secret99word@example.com/",
        "gopher://x",
        "",
    ],
)
def test_what_leads_inside_or_is_no_page_is_refused(url):
    task = called("fetch_page", url=url)
    assert task.state == "failed"
    assert "secret99word" not in task.text


def test_a_name_that_leads_inside_is_not_followed(monkeypatch):
    monkeypatch.setattr("aura.kernel.outbound.resolve", lambda host, port: ["10.0.0.7"])
    task = called("fetch_page", url="https://docs.example.com/")
    assert "not a public address" in task.text


def test_a_redirect_is_followed_and_judged_like_the_first_address(loopback):
    with receiving(
        answer(302, Location="/there"), html(), answer(302, Location="http://10.0.0.1/")
    ) as site:
        task = called("fetch_page", url=site.url("/here"))
        assert data_of(task)["url"] == site.url("/there")
        task = called("fetch_page", url=site.url("/out"))
    assert task.state == "failed"
    assert "may not be fetched" in task.text


def test_a_circle_ends(loopback):
    with receiving(answer(302, Location="/again")) as site:
        task = called("fetch_page", url=site.url())
    assert "leads on more than 5 times" in task.text
    assert len(site.got) == 6


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer(404), "status 404"),
        (answer(200, b"%PDF", Content_Type="application/pdf"), "application/pdf"),
        (
            answer(200, b"\x1f\x8b", Content_Type="text/html", Content_Encoding="gzip"),
            "compressed",
        ),
    ],
)
def test_what_is_no_text_is_a_sentence(loopback, reply, words):
    with receiving(reply) as site:
        task = called("fetch_page", url=site.url())
    assert task.state == "failed"
    assert words in task.text
    assert "ERROR — fetch_page failed for http://127.0.0.1" in task.text


def test_an_endless_page_is_cut_and_says_so(loopback, monkeypatch):
    monkeypatch.setattr(page, "MOST_BYTES", 2000)
    with receiving(answer(200, b"x" * 10_000, Content_Type="text/plain")) as site:
        task = called("fetch_page", url=site.url())
    assert data_of(task)["cut"]
    assert data_of(task)["characters"] == 2000
    assert "the page is longer than 2000 bytes" in task.text


def test_a_credential_leaves_in_no_address(loopback):
    with receiving(html()) as site:
        task = called(
            "fetch_page", url=site.url("/?token=ghp_0123456789abcdefghij0123456789abcdefgh")
        )
    assert task.state == "failed"
    assert site.got == []

"""auditd, the gateway's window to it, or the API, over HTTP. Every failure is a sentence."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from governance.cli.environment import AUDIT_URL, TOKEN, variable
from governance.cli.frame import Failure, token_of
from governance.cli.show import clean

AUDITD = "http://localhost:1199"
TIMEOUT_S = 30.0
CONNECT_S = 5.0
SHOWN_IS_STALE = "SHOWN_IS_STALE"
NOT_ALLOWED = "you are not allowed to do this"
AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


class Away(Failure):
    """Nobody answers, or not now: trying again may help."""


class Service:
    """`url` without a path; `name` is what failures call it."""

    def __init__(
        self, url: str, *, token: str = "", name: str = "auditd", option: str = ""
    ) -> None:
        self.url, self.name = url.rstrip("/"), name
        self._option = option or f"--url or {AUDIT_URL}"
        self._token = token
        self._reading: Any = None
        host = _host(self.url)
        if not host:
            raise Failure(f"{clean(url)!r} is no http(s) URL: set {self._option}")
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            self._http = httpx.Client(
                base_url=self.url,
                headers=headers,
                timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_S),
                trust_env=not _near(host),  # a proxy is for what is far away
            )
        except (UnicodeEncodeError, httpx.InvalidURL):
            raise Failure("the token or the URL has characters that HTTP cannot carry") from None

    def get(self, path: str, *, timeout_s: float = TIMEOUT_S, **asked: Any) -> Any:
        """What the server says, from JSON. Raises `Failure`, `Away` where it may pass."""
        params = {key: value for key, value in asked.items() if value not in (None, "")}
        return self._ask("GET", path, params=params, timeout_s=timeout_s)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._ask("POST", path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._ask("PUT", path, body=body)

    def lines(self, path: str, *, after: str = "", silent_s: float) -> Iterator[str]:
        """Lines of a stream as they come, from behind the event `after`, until it ends.

        Where the server says where the stream begins, a line `id: …` that tells it comes first.
        Raises `Failure`, `Away` also when nothing came for `silent_s`.
        """
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        patience = httpx.Timeout(silent_s, connect=CONNECT_S)
        with (
            self._told(path),
            self._http.stream("GET", path, headers=headers, timeout=patience) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise self._failure(answer)
            self._reading = answer.extensions.get("network_stream")
            if begins := answer.headers.get("last-event-id"):
                yield f"id: {begins}"
            yield from answer.iter_lines()

    def hang_up(self) -> None:
        """End `lines` that another thread reads, as `Away`."""
        if self._reading is not None:
            with suppress(OSError):
                self._reading.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        patience = httpx.Timeout(timeout_s, connect=CONNECT_S)
        with self._told(path):
            answer = self._http.request(method, path, params=params, json=body, timeout=patience)
        if answer.is_success:
            return self._parsed(answer)
        raise self._failure(answer)

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Inside, whatever keeps an answer from coming is told as a `Failure`."""
        try:
            yield
        except httpx.TimeoutException:
            raise Away(f"{self.name} at {self.url} does not answer in time") from None
        except httpx.TransportError as error:
            raise Away(
                f"{self.name} at {self.url} cannot be reached ({error}); is it running there?"
                f" Another address: {self._option}"
            ) from None
        except httpx.InvalidURL:
            raise Failure(f"{clean(path)!r} is no id") from None

    def _parsed(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            kind = answer.headers.get("content-type", "no content type")
            raise Failure(
                f"{self.url} answers, but not with JSON ({clean(kind)}): is this {self.name}?"
                f" Another address: {self._option}"
            ) from None

    def _failure(self, answer: httpx.Response) -> Failure:
        words, status = _words(answer), answer.status_code
        match status:
            case HTTPStatus.UNAUTHORIZED:
                unknown = f"{self.name} wants to know who you are: set {TOKEN} ({words})"
                refused = f"{self.name} does not accept the token: {words}"
                return Failure(refused if self._token else unknown)
            case HTTPStatus.FORBIDDEN:
                said = "" if words.lower().startswith(NOT_ALLOWED) else f"{NOT_ALLOWED}: "
                return Failure(f"{said}{words}")
            case HTTPStatus.CONFLICT if _code(answer) == SHOWN_IS_STALE:
                return Failure(f"this has moved on, and nothing was decided: {words}")
            case _ if status in AWAY:
                return Away(f"{self.name} is not available: {words}")
            case _ if answer.is_redirect:
                there = clean(answer.headers.get("location", "nowhere"))
                return Failure(f"{self.url} leads to {there}: set {self._option} to that")
        return Failure(f"{words} ({status})")


def auditd(said: argparse.Namespace) -> Service:
    """The one that the options, else the environment name."""
    url = getattr(said, "url", "") or variable(AUDIT_URL) or AUDITD
    return Service(url, token=token_of(said))


def _code(answer: httpx.Response) -> str:
    """The API's name of what went wrong."""
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _words(answer: httpx.Response) -> str:
    """What the server says went wrong: `{"error": "…"}` at the helpdesk's ports."""
    try:
        said = answer.json()["error"]
        return clean(str(said["message"] if isinstance(said, dict) else said))
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}, and no JSON"


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in {"http", "https"} else ""


def _near(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

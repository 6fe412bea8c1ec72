"""A scripted stand-in for an OpenAI-compatible server, over real HTTP on a loopback port.

    with ScriptedOpenAI([calls(("git_status", {})), says("done")]) as server:
        model = LiteLLM(model="openai/scripted", base_url=server.base_url, api_key="k")

A script is a list of answers, used up in order, or a function of the request's JSON. What was
asked is kept in `server.requests`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

JSON = dict[str, Any]
NO_USAGE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response: `completion` (200, the model's name is filled in) or `body` as it is.

    `delay_s` is waited before the first byte. `drip_s` sends the head and then one blank at that
    interval until either side closes; `drip_head` does so before the status line is complete.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    completion: JSON | None = None
    body: bytes = b""
    delay_s: float = 0.0
    drip_s: float = 0.0
    drip_head: bool = False

    def payload(self, model: object) -> bytes:
        if self.completion is None:
            return self.body
        return json.dumps({**self.completion, "model": model}).encode()


Script = Iterable[Answer] | Callable[[JSON], Answer]


def completion(
    message: JSON,
    *,
    finish_reason: str = "stop",
    usage: Mapping[str, Any] | None = None,
) -> Answer:
    """A `chat.completion` with this message, well formed or not."""
    return Answer(
        completion={
            "id": "chatcmpl-scripted",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": _usage() if usage is None else dict(usage),
        }
    )


def says(text: str, *, prompt_tokens: int = 10, completion_tokens: int = 5) -> Answer:
    """The model answers with text."""
    return completion(
        {"role": "assistant", "content": text}, usage=_usage(prompt_tokens, completion_tokens)
    )


def calls(
    *wanted: tuple[str, object],
    text: str | None = None,
    ids: tuple[str | None, ...] | None = None,
    prompt_tokens: int = 10,
    completion_tokens: int = 5,
) -> Answer:
    """The model calls tools: `(name, arguments)` each.

    Arguments in a mapping are encoded to JSON text as OpenAI does; anything else is sent as it is.
    `ids` are `call_1`, `call_2`, … unless given; None leaves the field out.
    """
    names = ids or tuple(f"call_{n}" for n in range(1, len(wanted) + 1))
    return completion(
        {
            "role": "assistant",
            "content": text,
            "tool_calls": [_call(i, *w) for i, w in zip(names, wanted, strict=True)],
        },
        finish_reason="tool_calls",
        usage=_usage(prompt_tokens, completion_tokens),
    )


def status(code: int, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An HTTP error; `body` is JSON, by default OpenAI's error envelope."""
    content = error(f"scripted {code}") if body is None else body
    return Answer(status=code, headers=headers or {}, body=json.dumps(content).encode())


def error(message: str, *, kind: str = "scripted", code: str | None = None) -> JSON:
    """OpenAI's error envelope."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def hang(seconds: float) -> Answer:
    """Nothing for so many seconds, then an ordinary answer."""
    answer = says("late")
    return Answer(completion=answer.completion, delay_s=seconds)


def trickle(*, every_s: float = 0.1, head: bool = False) -> Answer:
    """A byte at a time for ever, so that no single read ever times out."""
    return Answer(drip_s=every_s, drip_head=head)


def raw(body: bytes) -> Answer:
    """A 200 with exactly these bytes."""
    return Answer(body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it arrived; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    json: JSON


class ScriptedOpenAI:
    """The server; enter it to listen, leave it to let every connection go."""

    def __init__(self, script: Script = ()) -> None:
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.requests: list[Seen] = []
        self.play(script)

    def play(self, script: Script) -> None:
        """Replace the script and forget the requests so far."""
        self.requests = []
        self._function = script if callable(script) else None
        self._answers = iter(() if callable(script) else script)

    @property
    def base_url(self) -> str:
        """What belongs into AURA_LLM_BASE_URL."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        # why: the default poll of half a second is what every test would pay at its end
        serve = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        serve.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        return type("Handler", (_Handler,), {"stub": self})

    def answer(self, seen: Seen) -> Answer:
        """Note the request and take the script's next answer; a used-up script answers 500."""
        with self._lock:
            self.requests.append(seen)
            if seen.path != "/v1/chat/completions":
                return status(404, error(f"Invalid URL (POST {seen.path})"))
            if self._function is None:
                return next(self._answers, status(500, error("the script is used up")))
        return self._function(seen.json)

    def wait(self, seconds: float) -> bool:
        """Sleep; True when the server was closed meanwhile."""
        return self._closed.wait(seconds)


class _Handler(BaseHTTPRequestHandler):
    stub: ScriptedOpenAI
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body leave in two writes: 40 ms each otherwise

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.stub.answer(Seen(path=self.path, headers=headers, json=content))
        try:
            self._send(answer, content.get("model"))
        except ConnectionError:
            self.close_connection = True  # the client gave up, as some tests want it to

    def _send(self, answer: Answer, model: object) -> None:
        if answer.delay_s and self.stub.wait(answer.delay_s):
            return
        if answer.drip_head:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
            self._drip(answer.drip_s)
        elif answer.drip_s:
            self._head(answer, 1_000_000)
            self._drip(answer.drip_s)
        else:
            self._head(answer, len(answer.payload(model)))
            self.wfile.write(answer.payload(model))

    def _head(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        fields = {"content-type": "application/json", "content-length": str(length)}
        for name, value in {**fields, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _drip(self, every_s: float) -> None:
        while not self.stub.wait(every_s):
            self.wfile.write(b" ")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Silent: a test's output belongs to the test."""


def _usage(prompt_tokens: int = 10, completion_tokens: int = 5) -> dict[str, int]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _call(call_id: str | None, name: str, arguments: object) -> JSON:
    text = json.dumps(arguments) if isinstance(arguments, Mapping) else arguments
    call: JSON = {"type": "function", "function": {"name": name, "arguments": text}}
    return call if call_id is None else {"id": call_id, **call}

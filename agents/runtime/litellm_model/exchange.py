"""The single HTTP request of one attempt, and how the server answered it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from agents.runtime.interrupt import current
from agents.runtime.litellm_model.library import is_loopback, tls
from agents.runtime.litellm_model.replies import Unusable

OK = 200
OPENAI_URL = "https://api.openai.com/v1"


class Exchange:
    """The single HTTP request of one attempt, and how the server answered it.

    `status`, `headers` and `detail` stay empty when no answer came, and for providers whose
    transport litellm keeps to itself.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.detail = ""
        self.overflow = False
        self._sent = False
        self._http: Any = None

    def client(self, *, key: str, url: str, timeout_s: float) -> Any:
        """An OpenAI client for litellm that sends once and never by way of a proxy to loopback."""
        import httpx  # noqa: PLC0415 - with openai 1 s of CPU, paid by the process that needs it
        import openai  # noqa: PLC0415 - as above

        self._http = httpx.Client(
            verify=tls(),
            timeout=timeout_s,
            trust_env=not is_loopback(url),
            follow_redirects=False,
            event_hooks={"request": [self._before], "response": [self._after]},
        )
        return openai.OpenAI(
            api_key=key or None, base_url=url or OPENAI_URL, http_client=self._http, max_retries=0
        )

    def run(self, work: Callable[[], Any], *, limit_s: float) -> Any:
        """What `work()` returned or raised; None when it took longer than `limit_s`.

        Raises `Interrupted` when the run was stopped; what is answered then is discarded.
        """
        interrupt = current()
        interrupt.check()
        outcome: list[Any] = []
        over = threading.Event()

        def attempt() -> None:
            try:
                outcome.append(work())
            except Exception as error:  # noqa: BLE001 - raised anew, as a ModelFailure, by the caller
                outcome.append(error)
            finally:
                self.close()
                over.set()

        # why: a daemon, not a pool: a pool's threads hold up the end of the process. Once it is
        # given up, the closed sockets end it at its next read.
        threading.Thread(target=attempt, name="llm-request", daemon=True).start()
        with interrupt.ending(over.set):
            over.wait(limit_s)
        if interrupt.is_set() or not outcome:
            self.close()
            interrupt.check()
            return None
        return Unusable("litellm returned nothing") if outcome[0] is None else outcome[0]

    def close(self) -> None:
        """Let go of the connection; also from another thread."""
        if self._http is not None:
            self._http.close()

    def _before(self, _: Any) -> None:
        if self._sent:
            raise RuntimeError("one request an attempt")
        self._sent = True

    def _after(self, response: Any) -> None:
        body = response.read().decode("utf-8", "replace")
        if response.status_code != OK:
            self.detail = _provider_words(body)
            self.overflow = "context_length_exceeded" in body
        self.headers = response.headers
        self.status = response.status_code  # last: a body that broke off is no answer


def _provider_words(body: str) -> str:
    """The sentence in an error body: `{"error": {"message"}}` or one of its common relatives."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return found if isinstance(found, str) else json.dumps(found)


def litellm_words(text: str) -> str:
    """An exception's text without litellm's preamble `litellm.XError: XError: YException - `."""
    return _provider_words(re.sub(r"^litellm\..*?Exception - ", "", text, count=1))

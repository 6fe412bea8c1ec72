"""The official client, imported here alone: one context's connection.

Imported by workers, at their first request: it costs a second and 46 MB (`client.connect`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import websocket
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.stream import ws_client
from urllib3 import Retry

from agents.kubernetes.contexts import IN_CLUSTER
from agents.kubernetes.deadline import within
from agents.kubernetes.failures import ClusterError, of_answer, one_line
from agents.kubernetes.frames import Frames
from agents.kubernetes.transport import failure
from aura.config import VERSION
from aura.kernel.secrets import remember

MAX_BODY: Final = 64 << 20  # bytes of an answer
# A kept connection that the server has closed meanwhile is tried once more; the deadline stands.
_TRIES: Final = Retry(
    total=1, connect=0, read=1, redirect=False, status=0, other=0, allowed_methods={"GET"}
)

websocket.setdefaulttimeout(30.0)  # seconds, of a handshake that nobody waits for any more

Query = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class Wire:
    """Requests to one API server. Safe to share between threads."""

    def __init__(self, paths: str, context: str) -> None:
        self._context = context
        settings = Configuration()
        settings.retries = _TRIES
        try:
            if context == IN_CLUSTER and not paths:
                config.load_incluster_config(client_configuration=settings)
            else:
                config.load_kube_config(
                    config_file=paths,
                    context=context,
                    client_configuration=settings,
                    persist_config=False,
                )
        except Exception as error:  # whatever a broken file makes the library raise
            raise ClusterError(
                f"The credentials of context {context!r} cannot be used: {one_line(str(error))}"
            ) from error
        self._api = ApiClient(settings)
        self._api.user_agent = f"aura/{VERSION}"
        self.server = str(settings.host)

    def send(
        self,
        method: str,
        path: str,
        query: Query = (),
        *,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout_s: float,
    ) -> Answer:
        """One request and its answer, whatever its status. Raises `ClusterError` for none."""

        def work() -> Answer:
            url, headers = self._prepared(path, query, {"Accept": accept})
            if body is not None:
                headers["Content-Type"] = content_type
            answer = self._api.call_api(
                method, url, header_params=headers, body=body, _request_timeout=timeout_s
            )
            return self._read(answer.response)

        try:
            return within(timeout_s, work)
        except ClusterError:
            raise
        except Exception as error:
            raise self._failure(error, self.server, timeout_s) from error

    def frames(self, path: str, query: Query, *, timeout_s: float) -> Frames:
        """An open websocket of the `exec` subresource. Raises `ClusterError`."""

        def work() -> Frames:
            url, headers = self._prepared(path, query, {})
            said = {key.lower(): value for key, value in headers.items()}
            address = ws_client.get_websocket_url(url)
            return Frames(ws_client.create_websocket(self._api.configuration, address, said))

        try:
            return within(timeout_s, work)
        except Exception as error:
            raise self._refused_socket(error, timeout_s) from error

    def _refused_socket(self, error: Exception, timeout_s: float) -> ClusterError:
        status = int(getattr(error, "status_code", 0) or 0)
        if status:
            body = getattr(error, "resp_body", b"") or b""
            return of_answer(status, body, context=self._context)
        return self._failure(error, self.server, timeout_s)

    def _prepared(
        self, path: str, query: Query, headers: dict[str, str]
    ) -> tuple[str, dict[str, str]]:
        """The URL, and the headers with the credentials, renewed where they have to be."""
        _, url, said, _, _ = self._api.param_serialize(
            "GET", path, header_params=headers, auth_settings=["BearerToken"]
        )
        remember(str(said.get("authorization") or "").rpartition(" ")[2])
        asked = urlencode(list(query))
        return (f"{url}?{asked}" if asked else url), dict(said)

    def _read(self, response: Any) -> Answer:
        body = response.read(MAX_BODY + 1, decode_content=True)
        if len(body) > MAX_BODY:
            response.close()
            raise ClusterError(
                f"The answer of the cluster is larger than {MAX_BODY >> 20} MB; ask for less."
            )
        response.release_conn()
        return Answer(int(response.status), body)

    def _failure(self, error: Exception, server: str, seconds: float) -> ClusterError:
        return failure(error, server=server, context=self._context, seconds=seconds)

"""What a client is told when a method cannot do what it asked, by the codes of the protocol."""

from __future__ import annotations

from typing import Any


class RpcError(Exception):
    """`code` is JSON-RPC's or A2A's; `reason` names A2A's own errors, as protocol 1.0 writes them.

    The text says what to do; `about` (names of protocol fields and their values) goes beside it.
    """

    code = -32603
    reason = ""

    def __init__(self, message: str, **about: str) -> None:
        super().__init__(message)
        self.message = message
        self.about = about


class ParseError(RpcError):
    code = -32700


class InvalidRequest(RpcError):
    code = -32600


class MethodNotFound(RpcError):
    code = -32601


class InvalidParams(RpcError):
    code = -32602


class TaskNotFound(RpcError):
    code, reason = -32001, "TASK_NOT_FOUND"


class TaskNotCancelable(RpcError):
    code, reason = -32002, "TASK_NOT_CANCELABLE"


class UnsupportedOperation(RpcError):
    code, reason = -32004, "UNSUPPORTED_OPERATION"


class ContentTypeNotSupported(RpcError):
    code, reason = -32005, "CONTENT_TYPE_NOT_SUPPORTED"


class NoExtendedCard(RpcError):
    code, reason = -32007, "EXTENDED_AGENT_CARD_NOT_CONFIGURED"


class VersionNotSupported(RpcError):
    code, reason = -32009, "VERSION_NOT_SUPPORTED"


def told(error: RpcError, *, modern: bool) -> dict[str, Any]:
    """The error object. Protocol 1.0 (`modern`) has details of its own form."""
    answer: dict[str, Any] = {"code": error.code, "message": error.message}
    if not modern:
        return answer | {"data": {"error": error.message, **error.about}}
    if error.reason:
        answer["data"] = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": error.reason,
                "domain": "a2a-protocol.org",
                "metadata": error.about,
            }
        ]
    return answer

"""What the helpdesk's views share: one shape of errors, one way to read a body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from aura.kernel import errors
from aura.kernel.fields import FiniteJson
from aura.kernel.http import answer_exception_plainly
from governance.api import upstream

View = TypeVar("View", bound=Callable[..., Any])


class Error(serializers.Serializer[Any]):
    error = serializers.CharField()


def documented(
    *,
    answer: Any,
    body: Any = None,
    code: int = 200,
    failures: tuple[int, ...] = (),
    denial: Any = Error,
    **more: Any,
) -> Callable[[View], View]:
    """`extend_schema` with the error's shape under every failure; `denial` is that of a 403."""
    refusals = dict.fromkeys((*failures, 401, 429, 500, 503), Error) | {403: denial}
    schema: Callable[[View], View] = extend_schema(
        request=body, responses={code: answer, **refusals}, **more
    )
    return schema


LIMITED: Final = (
    "Maximum results, 1 to 1000; a page ends earlier at about 8 MiB, and then has the header"
    " X-Truncated: true"
)


def parameter(name: str, description: str, kind: Any = str, **more: Any) -> OpenApiParameter:
    """A query parameter in the OpenAPI document."""
    return OpenApiParameter(name, kind, description=description, **more)


class HelpdeskViewSet(ViewSet):
    """Answers `{"error": "<text>"}` whatever goes wrong."""

    parser_classes = (FiniteJson,)
    # Where another installation's auditd answers the same, for routes of the gateway.
    upstream = ""

    def initial(self, request: Request, *args: Any, **names: str) -> None:
        super().initial(request, *args, **names)
        if self.upstream and upstream.elsewhere():
            self.get = self.head = self._from_upstream  # what `dispatch` looks for next

    def _from_upstream(self, request: Request, **names: str) -> HttpResponse:
        return upstream.ask(request, self.upstream, names)

    def read(self, body: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        """The validated body. Raises `ValidationFailed` for all but a JSON object that fits."""
        data = self.whole(request)
        validated: dict[str, Any] = body().run_validation(data)
        return validated

    def whole(self, request: Request) -> dict[str, Any]:
        """The body as it was sent: a JSON object."""
        try:
            data = request.data
        except ParseError as error:
            raise errors.ValidationFailed(f"invalid JSON: {error.detail}") from None
        if not isinstance(data, dict):
            raise errors.ValidationFailed("invalid JSON: the body must be an object")
        return dict(data)

    def get_exception_handler(self) -> Any:
        return answer_exception_plainly

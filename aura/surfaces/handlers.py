"""Django's WSGI handler, twice: a request with a bearer token passes fewer middlewares.

What it does not pass is for browsers: sessions, their CSRF check, logins, messages, static files,
and headers that `aura.serving.headers` adds to every answer. A bearer token that is not good is
refused, whatever else the request brings, so nothing of it could count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import django
from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.utils.module_loading import import_string

from aura.kernel.clients import bearer

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
APIS = ("/api/", "/v1/")


class TokenHandler(WSGIHandler):
    """Passes `TOKEN_MIDDLEWARE`, whose members have no hooks besides their call."""

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002 - as Django's
        del is_async
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined] # django-stubs leaves it out
        for path in reversed(settings.TOKEN_MIDDLEWARE):
            handler = convert_exception_to_response(import_string(path)(handler))
        self._middleware_chain = handler


def get_wsgi_application() -> Wsgi:
    """Django, set up."""
    django.setup(set_prefix=False)
    everything, with_token = WSGIHandler(), TokenHandler()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        handler = with_token if _brings_token(environ) else everything
        answer: Iterable[bytes] = handler(environ, start_response)
        return answer

    return application


def _brings_token(environ: dict[str, Any]) -> bool:
    to_api = environ["PATH_INFO"].startswith(APIS)
    return to_api and bearer(environ.get("HTTP_AUTHORIZATION", "")) is not None

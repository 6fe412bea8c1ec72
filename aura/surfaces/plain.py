"""Answers of the aiHelpDesk surfaces outside DRF: `{"error": "<text>"}` for every failure."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse


def health(request: HttpRequest) -> JsonResponse:
    """GET /health → {"status":"ok"}"""
    if request.method not in {"GET", "HEAD"}:
        response = JsonResponse({"error": "Method Not Allowed"}, status=405)
        response["Allow"] = "GET, HEAD"
        return response
    return JsonResponse({"status": "ok"})


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """handler404"""
    del exception
    return JsonResponse({"error": f"no route for {request.method} {request.path}"}, status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    """handler500"""
    del request
    return JsonResponse({"error": "unexpected server error"}, status=500)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """handler400"""
    del request, exception
    return JsonResponse({"error": "bad request"}, status=400)

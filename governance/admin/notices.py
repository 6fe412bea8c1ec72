"""What people were told by e-mail, ntfy and Slack, and a button that tries it out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from aura.config import Settings
from governance.admin.base import ReadOnlyAdmin
from governance.models import Notice
from governance.notices.trying import rules, try_out
from governance.templatetags.shown import visible

TRY = "governance.add_notice"


class NoticeAdmin(ReadOnlyAdmin):
    """The list, newest first, below what the settings say."""

    change_list_template = "admin/governance/notice/list.html"
    list_display = ["time", "kind", "channel", "what", "state"]
    list_display_links = None
    list_filter = ["channel", "kind"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_view)
        return [path("test/", view, name="governance_notice_test"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        config: Settings = settings.AURA
        channels = [
            {"name": name, "kinds": kinds, "needs": config.notice_settings[name]}
            for name, kinds in rules().items()
        ]
        own = {
            "channels": channels,
            "configured": config.notice_channels,
            "may_try": request.user.has_perm(TRY),
        }
        return super().changelist_view(request, {**(extra_context or {}), **own})

    def test_view(self, request: HttpRequest) -> HttpResponse:
        """POST /admin/governance/notice/test/: a message over every channel, now."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(TRY):
            raise PermissionDenied
        for channel, sent in try_out(request.user.get_username()).items():
            if sent.error:
                messages.error(request, f"{channel}: {visible(sent.error)}")
            else:
                messages.success(request, f"{channel}: sent; look whether it arrived.")
        return HttpResponseRedirect(reverse("admin:governance_notice_changelist"))

    @admin.display(description="time (UTC)", ordering="created_at")
    def time(self, notice: Notice) -> str:
        return f"{notice.created_at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="what")
    def what(self, notice: Notice) -> str:
        return visible(f"{notice.body.get('head', '')}: {notice.body.get('what', '')}")

    @admin.display(description="state")
    def state(self, notice: Notice) -> str:
        if notice.sent_at is not None:
            return f"sent {notice.sent_at:%H:%M:%S}"
        if notice.next_at is None:
            return format_html(
                '<span class="badge is-failed">not told</span> {}', visible(notice.error)
            )
        tries = f", {notice.attempts} tries: {visible(notice.error)}" if notice.error else ""
        return f"waits{tries}"

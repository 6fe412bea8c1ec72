"""django-axes, as this product uses it: who guesses passwords is locked out for a while."""

from __future__ import annotations

from typing import Any, Final

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from axes.utils import reset as axes_reset
from django.conf import settings
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.timezone import now

from aura.kernel.clients import address, counted

# An office shares an address, so it gets more tries than one name from one address. `settings`
# lock at AXES_FAILURE_LIMIT failures of one name; of an address four times as many count.
OF_ADDRESS: Final = 4


class Lockout(AxesDatabaseHandler):  # type: ignore[misc] # django-axes has no types
    """Counts failures of a name from an address, and of an address over all names."""

    def get_failures(self, request: Any, credentials: Any = None) -> int:
        """Those of the pair, or a quarter of the address's, whichever is more."""
        of_pair, of_address = (
            sum(attempts.values_list("failures_since_start", flat=True))
            for attempts in self.get_user_attempts(request, credentials)
        )
        return int(max(of_pair, of_address // OF_ADDRESS))

    def reset_user_attempts(self, request: Any, credentials: Any = None) -> int:
        """A login clears its own pair alone: an account of one's own is no way to guess on."""
        of_pair, _ = self.filter_user_attempts(request, credentials)
        count, _ = of_pair.delete()
        return int(count)


def locked(name: str | OuterRef) -> QuerySet[Any]:
    """The addresses from which logins under this name are locked now."""
    since = now() - settings.AXES_COOLOFF_TIME
    tries = AccessAttempt.objects.filter(username=name, attempt_time__gt=since).order_by()
    of_pair = tries.values("ip_address").annotate(failures=Sum("failures_since_start"))
    return of_pair.filter(failures__gte=settings.AXES_FAILURE_LIMIT)  # type: ignore[no-any-return]


def unlock(name: str) -> None:
    """Forget the failures of this name; an address that failed with many names stays locked."""
    axes_reset(username=name)


def client_ip(request: HttpRequest) -> str | None:
    """The address that counts; of IPv6 the first one of its /64."""
    return counted(address(request.META)).partition("/")[0] or None


def page(request: HttpRequest, _response: Any, _credentials: Any) -> HttpResponse:
    """What somebody who is locked out sees."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    context = {
        **admin.site.each_context(request),
        "title": "Locked out",
        "minutes": minutes,
    }
    answer = TemplateResponse(request, "admin/locked.html", context, status=429)
    answer["Retry-After"] = str(minutes * 60)
    return answer.render()

"""Git, the model and whom people are told by: as the workers see them, who hold the credentials."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils.timezone import now

from agents import probes
from agents.models import Probe
from aura.config import Settings
from aura.doctor.findings import Finding, fail, ok, reason, unchecked, warn
from governance.models import Notice
from governance.notices.outbox import OVER

LATELY = timedelta(days=1)


def git(config: Settings) -> Iterator[Finding]:
    """The repository that tickets change."""
    if not config.git_repo_url:
        mend = "set AURA_GIT_REPO_URL to the GitOps repository; tickets pause without one"
        yield warn("git", "no repository is configured", mend)
    else:
        mend = "check AURA_GIT_REPO_URL, AURA_GIT_BRANCH and AURA_GIT_TOKEN or the SSH key"
        yield from _seen("git", "git", "the repository answers", mend)


def model(config: Settings) -> Iterator[Finding]:
    """No paid call: see `agents.probes`."""
    if not config.llm_model:
        yield ok("model", "none is configured: rules and the offline planner do the work")
        return
    mend = "check AURA_LLM_MODEL, AURA_LLM_BASE_URL and AURA_LLM_API_KEY of the worker"
    yield from _seen("model", "llm", f"{config.llm_model} can be asked", mend)


def notices(config: Settings) -> Iterator[Finding]:
    """What was told, not whether a message would arrive: `manage.py notify --test` tries that."""
    half = [
        f"{channel} lacks {', '.join(name for name, value in needed.items() if not value)}"
        for channel, needed in config.notice_settings.items()
        if any(needed.values()) and channel not in config.notice_channels
    ]
    lately = Notice.objects.filter(sent_at=None, created_at__gt=now() - LATELY)
    failed = lately.exclude(error="").exclude(error=OVER).first()
    if half:
        yield warn("notices", "; ".join(half), "complete the settings, or take them all away")
    elif failed is not None:
        mend = "`manage.py notify --test` tries each channel; correct its settings"
        yield warn("notices", reason(f"{failed.channel}: {failed.error}", most=300), mend)
    else:
        channels = ", ".join(config.notice_channels)
        yield ok("notices", f"told by {channels}" if channels else "nobody is told of anything")


def _seen(name: str, probe: str, good: str, mend: str) -> Iterator[Finding]:
    row = Probe.objects.filter(name=probe).first()
    if row is None or now() - row.checked_at > probes.GOOD_FOR:
        yield unchecked(name, "no worker has looked in the last minute, see worker and beat")
    elif row.available:
        yield ok(name, good)
    else:
        yield fail(name, reason(row.detail, most=300), mend)

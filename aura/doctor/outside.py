"""Git and the model: as the workers see them, for they hold the credentials."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.timezone import now

from agents import probes
from agents.models import Probe
from aura.config import Settings
from aura.doctor.findings import Finding, fail, ok, reason, unchecked, warn


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


def _seen(name: str, probe: str, good: str, mend: str) -> Iterator[Finding]:
    row = Probe.objects.filter(name=probe).first()
    if row is None or now() - row.checked_at > probes.GOOD_FOR:
        yield unchecked(name, "no worker has looked in the last minute, see worker and beat")
    elif row.available:
        yield ok(name, good)
    else:
        yield fail(name, reason(row.detail, most=300), mend)

"""Whether what the agents need is there. Workers look, and everybody reads what they saw: the web
tier has no credentials for Git or a model, and an answer that is too old says that no worker lives.
"""

from __future__ import annotations

from datetime import timedelta

import httpx
from django.utils.timezone import now

from agents.models import Probe
from agents.runtime import breaker
from aura.config import Settings

EVERY_S = 20.0
GOOD_FOR = timedelta(seconds=75)
LLM = "llm"
NAMES = ("git", LLM)
BEAT = "beat"
REFUSED = frozenset({401, 403})


def latest() -> dict[str, bool]:
    """Name -> was it there when a worker last looked, not long ago?"""
    fresh = Probe.objects.filter(checked_at__gt=now() - GOOD_FOR)
    seen = dict(fresh.values_list("name", "available"))
    return {name: seen.get(name, False) for name in NAMES}


def look(config: Settings) -> None:
    """Look at everything and keep what was seen."""
    for name, problem in (("git", git_problem(config)), (LLM, _llm(config))):
        Probe.objects.update_or_create(
            name=name,
            defaults={"available": not problem, "detail": problem, "checked_at": now()},
        )


def scheduled() -> None:
    """A worker does what beat sent: both live."""
    seen = {"available": True, "detail": "", "checked_at": now()}
    Probe.objects.update_or_create(name=BEAT, defaults=seen)


def git_problem(config: Settings) -> str:
    """Empty when the repository answers, else why not."""
    from agents.gitops.workspace import Workspace  # noqa: PLC0415 - workers look, the web reads

    health = Workspace.from_settings(config).check()
    return "" if health.available else health.detail


def _llm(config: Settings) -> str:
    """Never a paid call: a model behind a URL is asked for its list, others for their key alone."""
    if not config.llm_model:
        return ""
    if left_alone := [name for name, state in breaker.states().items() if state != "closed"]:
        return f"circuit breaker open, not asked for a while: {', '.join(sorted(left_alone))}"
    if not config.llm_base_url:
        return "" if config.llm_api_key else "AURA_LLM_API_KEY is not set"
    url = f"{config.llm_base_url.rstrip('/')}/models"
    headers = {"Authorization": f"Bearer {config.llm_api_key}"} if config.llm_api_key else {}
    try:
        status = httpx.get(url, headers=headers, timeout=5.0, trust_env=False).status_code
    except httpx.HTTPError as error:
        return f"the model's server does not answer: {type(error).__name__}"
    if status in REFUSED:
        return "the model's server refuses AURA_LLM_API_KEY"
    return "" if status < 500 else f"the model's server answers {status}"  # noqa: PLR2004 - HTTP

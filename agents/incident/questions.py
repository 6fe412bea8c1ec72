"""Without a model: whoever asks about bundles is shown them, and whoever asks for one gets it."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings

from agents.incident.tools import DESCRIPTION_CHARS
from governance.inventory import InventoryRefused, configured

_BUNDLES = re.compile(r"\b(?:incidents?|bundles?|diagnostics?|tarballs?)\b", re.IGNORECASE)
_MAKE = re.compile(
    r"\b(?:creat|make|collect|gather|captur|generat|build|prepar|tak)(?:e|es|ing)?\b", re.IGNORECASE
)


def calls_for(question: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Which calls answer this question; none where it is about no bundle."""
    words = " ".join(question.split())
    if _MAKE.search(words) and (_BUNDLES.search(words) or _database(words)):
        found = _database(words)
        about = {"infra_key": found, "connection_string": found} if found else {}
        description = words[:DESCRIPTION_CHARS]
        return (("create_incident_bundle", {**about, "description": description}),)
    return (("list_incidents", {}),) if _BUNDLES.search(words) else ()


def _database(words: str) -> str:
    """The registered database that the sentence names; empty when it names none or several."""
    try:
        named = configured(settings.AURA.inventory).databases_named(words)
    except InventoryRefused:
        return ""
    return named[0] if len(named) == 1 else ""

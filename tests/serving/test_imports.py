"""What the web process never imports: seconds of its start, and much of its memory."""

from __future__ import annotations

from tests.processes import printed_by

HEAVY = (*("litellm", "openai", "kubernetes", "git", "a2a", "mcp", "langgraph", "numpy", "pglast"),)


def test_the_web_process_imports_nothing_that_only_workers_need() -> None:
    program = (
        "import os, sys, django;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'aura.settings';"
        "django.setup();"
        "import aura.serving.run, aura.asgi;"
        "aura.asgi._warm();"
        f"print(sorted(set({HEAVY}) & set(sys.modules)))"
    )
    assert printed_by(program) == "[]"

"""What the web process never imports: seconds of its start, and much of its memory."""

from __future__ import annotations

import subprocess
import sys

from tests.serving.instance import ROOT

HEAVY = ("litellm", "openai", "kubernetes", "git", "a2a", "mcp", "langgraph", "numpy")


def test_the_web_process_imports_nothing_that_only_workers_need() -> None:
    program = (
        "import os, sys, django;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'aura.settings';"
        "django.setup();"
        "import aura.serving.run, aura.asgi;"
        "aura.asgi._warm();"
        f"print(sorted(set({HEAVY}) & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"

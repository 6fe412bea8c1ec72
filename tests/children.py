"""Processes of the product that work on the database and the Redis of the running test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from tests.serving.instance import ROOT, bare_environment


def environment(data: Path, **more: Any) -> dict[str, str]:
    """What such a process reads. The test must use `transactional_db`: else it sees nothing."""
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    ours = {
        "AURA_DATA_DIR": data,
        "AURA_DATABASE_URL": database.geturl(),
        "AURA_REDIS_URL": settings.REDIS_URL,
        "AURA_SECRET_KEY": settings.SECRET_KEY,
        "AURA_AUTH": settings.AURA.auth,
        **more,
    }
    return bare_environment() | {name: str(value) for name, value in ours.items()}


@contextmanager
def running(script: str, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Python with this script after `django.setup()`, killed in the end."""
    prepared = f"import django; django.setup()\n{script}"
    process = subprocess.Popen(  # noqa: S603 - the tests' own
        [sys.executable, "-c", prepared],
        cwd=ROOT,
        env=env | {"DJANGO_SETTINGS_MODULE": "aura.settings"},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()

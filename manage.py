#!/usr/bin/env python
"""Django's command line, with readable sentences for what a person can mend."""

from __future__ import annotations

import os
import signal
import sys


def main(arguments: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aura.settings")
    if arguments[1:2] == ["up"]:
        _end_quietly()
    from aura.config import ConfigError  # isort: skip - first: `aura` notes when we began
    from aura.embedded import ServiceError  # isort: skip
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(arguments)
    except ConfigError as error:
        return _fail(2, str(error))
    except ServiceError as error:
        return _fail(1, str(error))
    except OperationalError as error:
        return _database_down(error)
    except PermissionError as error:
        if error.filename is None:
            raise
        return _fail(1, f"{error.filename}: {error.strerror}; see AURA_DATA_DIR")
    except KeyboardInterrupt:
        return 130
    return 0


def _end_quietly() -> None:
    """Importing takes a second in which nothing has been started; then `up` has its handlers."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, lambda *_: os._exit(0))


def _database_down(error: Exception) -> int:
    from django.conf import settings

    reason = " ".join(str(error).split())
    if settings.AURA.database_url:
        return _fail(1, f"The database of AURA_DATABASE_URL does not answer: {reason}")
    return _fail(
        1,
        f"The database of AURA_DATA_DIR={settings.AURA.data} is not running: start `manage.py up`"
        " with the same AURA_DATA_DIR beside this, or set AURA_DATABASE_URL",
    )


def _fail(code: int, text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return code


def _sandbox(arguments: list[str]) -> int:
    """It needs no Django, which would double its start and its memory."""
    from agents.sandbox import command

    return command.main(arguments[2:])


if __name__ == "__main__":
    sys.exit((_sandbox if sys.argv[1:2] == ["sandbox"] else main)(sys.argv))

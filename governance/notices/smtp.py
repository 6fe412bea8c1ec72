"""A mail server that is slow at every word is left after a while: Django's `timeout` bounds each
wait for one word, and no more.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.core.mail.backends.smtp import EmailBackend

from aura.kernel.alarms import alarms

CONVERSATION_S: Final = 45.0  # from the first word to the last


class _Hurried(smtplib.SMTP):
    """Hangs up when its time is over; whoever waits for a word is told so."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._late = False
        self._alarm = alarms.after(CONVERSATION_S, self._hang_up)
        super().__init__(*args, **options)

    def send(self, s: Any) -> None:
        with self._in_time():
            super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        with self._in_time():
            return super().getreply()

    def close(self) -> None:
        self._alarm.cancel()
        super().close()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        if not self._late:  # else there may have been nothing yet that could be hung up
            try:
                yield
            except smtplib.SMTPException:
                if not self._late:
                    raise
            else:
                return
        self.close()
        words = f"the conversation took longer than {CONVERSATION_S:g} s"
        raise smtplib.SMTPServerDisconnected(words)

    def _hang_up(self) -> None:
        self._late = True
        if self.sock is not None:
            with suppress(OSError):
                # Below TLS, whose own state belongs to the thread that is talking.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _HurriedTLS(_Hurried, smtplib.SMTP_SSL):
    """The same over TLS from the first word."""


class Backend(EmailBackend):
    """Django's own, with an end."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _HurriedTLS if self.use_ssl else _Hurried

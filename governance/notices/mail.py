"""A message as a mail of plain text."""

from __future__ import annotations

import smtplib
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage

from aura.config import Settings
from aura.kernel.secrets import redact
from governance.notices.messages import Message
from governance.notices.posting import Sent
from governance.notices.smtp import Backend

STARTTLS_PORT, TLS_PORT = 587, 465
TIMEOUT_S: Final = 10  # of each word of the conversation
SUBJECT_CHARS: Final = 200


def send(message: Message, link: str) -> Sent:
    """One attempt. Whatever happens is the outcome."""
    config: Settings = settings.AURA
    connection = Backend(
        host=config.smtp_host,
        port=config.smtp_port,
        username=config.smtp_user or None,
        password=config.smtp_password or None,
        use_tls=config.smtp_port == STARTTLS_PORT,
        use_ssl=config.smtp_port == TLS_PORT,
        timeout=TIMEOUT_S,
    )
    mail = EmailMessage(
        f"[{message.head}] {message.what}"[:SUBJECT_CHARS],
        "\n".join([*message.lines, "", f"{message.call}: {link}", *message.how, ""]),
        from_email=config.email_from,
        to=list(config.email_to),
        connection=connection,
        headers={
            # The same for each attempt: where one arrived after all, readers show it once.
            "Message-ID": f"<{message.key}@aura.notices>",
            "Auto-Submitted": "auto-generated",
        },
    )
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        return Sent(error=redact(f"{config.smtp_host}:{config.smtp_port}: {error}"), again=True)
    return Sent()

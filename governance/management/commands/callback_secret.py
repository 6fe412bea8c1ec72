"""`manage.py callback_secret`: what receivers of approval callbacks check signatures with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from governance.approvals import callbacks


class Command(BaseCommand):
    help = "Print the secret that signs the callbacks of approvals, as Standard Webhooks have it."
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(callbacks.secrets()[0])

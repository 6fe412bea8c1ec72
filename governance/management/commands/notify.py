"""`manage.py notify [--test]`: who is told what; with --test, does it arrive?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from aura.config import Settings
from governance.models import Notice
from governance.notices.trying import rules, try_out

LATEST = 5


class Command(BaseCommand):
    help = "List what e-mail, ntfy and Slack are told of, and what could not be told."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--test", action="store_true", help="send a test message over each")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["test"]:
            self._try_out()
            return
        config: Settings = settings.AURA
        for channel, kinds in rules().items():
            if channel in config.notice_channels:
                words = f"is told of {', '.join(kinds) or 'nothing'}"
            else:
                words = f"is not configured: {', '.join(config.notice_settings[channel])}"
            self.stdout.write(f"{channel:<6} {words}")
        for notice in Notice.objects.filter(sent_at=None).exclude(error="")[:LATEST]:
            self.stdout.write(f"not told: {notice} by {notice.channel}: {notice.error}")

    def _try_out(self) -> None:
        outcomes = try_out("manage.py notify")
        if not outcomes:
            raise CommandError("no channel is configured; `manage.py notify` says what each needs")
        for channel, sent in outcomes.items():
            self.stdout.write(f"{channel:<6} {sent.error or 'sent'}")
        if any(sent.error for sent in outcomes.values()):
            raise CommandError("not every message was taken")

"""`manage.py webhooks`: add, list, try out and mend webhooks without a browser."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from aura.kernel.commands import problems_in_words
from aura.kernel.ids import parse_uuid
from governance.types import ActorKind, Principal
from tickets.models import WebhookEndpoint
from tickets.webhooks import endpoints, pump
from tickets.webhooks.messages import KINDS, NAMES

SHELL = Principal(kind=ActorKind.USER, name="command line")


class Command(BaseCommand):
    help = "Webhooks: " + "; ".join(f"{kind.name} ({kind.what})" for kind in KINDS)

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="make an endpoint and print its signing secret")
        add.add_argument("url")
        add.add_argument("--events", default=",".join(NAMES), help="comma-separated; default: all")
        add.add_argument("--description", default="")
        verbs.add_parser("list", help="all endpoints and how they are")
        for name, words in (
            ("test", "send a test message now and say what came of it"),
            ("rotate", "make a new secret; the old one signs too for a day"),
            ("disable", "send nothing more"),
            ("delete", "remove it and its deliveries"),
        ):
            verbs.add_parser(name, help=words).add_argument("id")
        enable = verbs.add_parser("enable", help="send again")
        enable.add_argument("id")
        enable.add_argument("--catch-up", action="store_true", help="also what happened meanwhile")
        replay = verbs.add_parser("replay", help="send again what was given up")
        replay.add_argument("id")
        replay.add_argument("--hours", type=int, default=24, help="given up in the last hours")
        verbs.add_parser(
            "reseal",
            help="after a change of AURA_SECRET_KEY, with the old one in"
            " AURA_SECRET_KEY_FALLBACKS: move the secrets to the new key",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with problems_in_words():
            self.stdout.write(getattr(self, f"_{options['verb']}")(options))

    def _add(self, options: dict[str, Any]) -> str:
        events = [name.strip() for name in options["events"].split(",") if name.strip()]
        endpoint, secret = endpoints.create(
            url=options["url"], events=events, description=options["description"], actor=SHELL
        )
        return f"{endpoint.pk}\nSecret, not shown again: {secret}"

    def _list(self, _: dict[str, Any]) -> str:
        lines = [
            f"{e.pk} {_state(e)} {e.url} {','.join(e.events)}"
            for e in WebhookEndpoint.objects.all()
        ]
        return "\n".join(lines) or "There is none; add one with: manage.py webhooks add URL"

    def _test(self, options: dict[str, Any]) -> str:
        delivery = endpoints.try_out(_endpoint(options), actor=SHELL)
        pump.pump()
        delivery.refresh_from_db()
        said = delivery.error or delivery.response
        return f"{delivery.state}: HTTP {delivery.status_code or '-'} {said}".rstrip()

    def _rotate(self, options: dict[str, Any]) -> str:
        secret = endpoints.rotate(_endpoint(options), actor=SHELL)
        return f"New secret, not shown again: {secret}"

    def _disable(self, options: dict[str, Any]) -> str:
        endpoints.disable(_endpoint(options), actor=SHELL)
        return "Disabled"

    def _enable(self, options: dict[str, Any]) -> str:
        endpoints.enable(_endpoint(options), actor=SHELL, catch_up=options["catch_up"])
        return "Enabled"

    def _delete(self, options: dict[str, Any]) -> str:
        endpoints.delete(_endpoint(options), actor=SHELL)
        return "Deleted"

    def _replay(self, options: dict[str, Any]) -> str:
        since = now() - timedelta(hours=options["hours"])
        count = endpoints.replay_failed(_endpoint(options), since=since, actor=SHELL)
        return f"{count} messages are sent again"

    def _reseal(self, _: dict[str, Any]) -> str:
        total = WebhookEndpoint.objects.count()
        return f"{endpoints.reseal()} of {total} webhooks are sealed with the present key"


def _endpoint(options: dict[str, Any]) -> WebhookEndpoint:
    key = parse_uuid(options["id"])
    endpoint = WebhookEndpoint.objects.filter(pk=key).first() if key else None
    if endpoint is None:
        raise CommandError(f"There is no webhook {options['id']}; see manage.py webhooks list")
    return endpoint


def _state(endpoint: WebhookEndpoint) -> str:
    if not endpoint.active:
        return f"disabled ({endpoint.disabled_reason})"
    return "failing" if endpoint.failing_since else "active"

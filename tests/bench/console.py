"""`python -m tests.bench.console [--tickets N --events N --approvals N]`: the console's pages.

A running product with that many rows; each page is asked for one request after the other, as a
person's browser does, with a login of its own. Printed are the times at the client.
"""

from __future__ import annotations

import argparse
import http.client
import time
from statistics import median

import psycopg

from aura.embedded.places import Places
from aura.embedded.postgres import SUPERUSER
from tests.bench import log
from tests.bench.figures import Figure, say, show
from tests.bench.house import House

ROUNDS, P95_MS = 60, 150.0
APPROVALS = """
INSERT INTO governance_approval (id, fingerprint, tool_name, arguments, action_class, resource_type,
    resource_name, requested_by, requested_for, trace_id, policy_name, reason, approver_role,
    status, requested_at, expires_at, decided_by, decision_reason)
SELECT gen_random_uuid(), md5(n::text), 'delete_pod',
    jsonb_build_object('pod', 'web-' || n, 'text', repeat('x', 400)),
    (ARRAY['write', 'destructive'])[1 + n %% 2], 'pod', 'production/shop/web-' || n, 'agent:k8s',
    'ada', 'tr_' || n, 'production', 'because', 'approver', 'pending',
    now() - n * interval '1 second', now() + interval '1 day', '', ''
FROM generate_series(1, %s) AS n
"""
LOGIN = """
from django.contrib.auth.models import User
from django.test import Client
user, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
client = Client()
client.force_login(user)
print("session:", client.cookies["sessionid"].value)
"""
STORY = """
from django.db import transaction
from tests.admin import stories
from tickets.events import AGENT, tell
with transaction.atomic():  # else a worker would take it up
    ticket, approval = stories.incident()
    for n in range(1000):
        tell(ticket, "commit_created", actor=AGENT, payload={"sha": f"c{n:04}", "message": "x"})
print("story:", ticket.pk, approval.pk)
"""


def fill(house: House, tickets: int, events: int, approvals: int) -> None:
    """The rows, and what PostgreSQL would have tidied up meanwhile."""
    house.fill(tickets)
    url = Places(house.instance.data).database_url(role=SUPERUSER)  # triggers are left out
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE tickets_ticket SET status = 'paused' WHERE id::text LIKE '00%'")
        connection.execute(APPROVALS, [approvals])
        # Unlinked, and not waiting to be: linking a million is measured by `tests.bench.log`.
        connection.execute("SET session_replication_role = replica")
        connection.execute(log.FILL, [1, events])
        connection.execute("VACUUM (ANALYZE)")


def times(house: House, session: str, path: str) -> list[float]:
    """Milliseconds of each answer."""
    line = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        line.request("GET", path, headers={"Cookie": f"sessionid={session}"})
        answer = line.getresponse()
        answer.read()
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path}: {answer.status}")
    line.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--approvals", type=int, default=10_000)
    wanted = parser.parse_args()
    with House() as house:
        say(f"{wanted.tickets} tickets, {wanted.events} events, {wanted.approvals} approvals")
        fill(house, wanted.tickets, wanted.events, wanted.approvals)
        session = house.manage("shell", "-v", "0", "-c", LOGIN).rpartition("session: ")[2].strip()
        told = house.manage("shell", "-v", "0", "-c", STORY).rpartition("story: ")[2].split()
        story, request = told[:2]
        last = wanted.approvals // 50
        pages = {
            "inbox": "/admin/inbox/",
            "inbox, mine": "/admin/inbox/?mine=1",
            "inbox, a search": "/admin/inbox/?q=web-77",
            "inbox, last page of requests": f"/admin/inbox/?page={last}",
            "inbox, far into failed tickets": f"/admin/inbox/?page={last + 300}",
            "counts of the frame": "/admin/inbox/counts/",
            "first page": "/admin/",
            "dashboard": "/admin/dashboard/",
            "a ticket": f"/admin/tickets/ticket/{house.one_ticket()}/change/",
            "a ticket that waits, of 1,000 events": f"/admin/tickets/ticket/{story}/change/",
            "its conversation": f"/admin/tickets/ticket/{story}/conversation/",
            "its request": f"/admin/governance/approval/{request}/change/",
        }
        show("The console", [figure(name, times(house, session, p)) for name, p in pages.items()])


def figure(name: str, taken: list[float]) -> Figure:
    """One page."""
    slow = log.percentile(taken, 0.95)
    return Figure(
        name=f"{name}: p95 (p50)",
        ours=f"{slow:.0f} ms ({median(taken):.0f} ms)",
        promise=f"< {P95_MS:.0f} ms",
        held=slow < P95_MS,
    )


if __name__ == "__main__":
    main()

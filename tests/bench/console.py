"""`python -m tests.bench.console [--tickets N --events N --approvals N]`: the console.

A running product with that many rows. Each page is asked for one request after the other, as a
person's browser does, with a login of its own; then a real browser looks at what happens
(`console_live`) and decides (`console_clicks`). Printed are the times at the client.
"""

from __future__ import annotations

import argparse
import http.client
import tempfile
import time
from pathlib import Path

import psycopg

from aura.demo.repository import seeded
from aura.embedded.places import Places
from aura.embedded.postgres import SUPERUSER
from tests.bench import log
from tests.bench.console_browser import lag
from tests.bench.console_clicks import clicks
from tests.bench.console_live import live
from tests.bench.figures import say, show
from tests.bench.house import House

ROUNDS, P95_MS = 60, 150.0
PART = 100_000  # events linked at once
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
# A third of the events are calls of tools: three months of them, each with its turn.
WORK = """
WITH made AS (
    INSERT INTO agents_run (id, agent, trace_id, prompt, context, token, attempts, failures,
        announced_turn, created_at)
    SELECT gen_random_uuid(), 'k8s_agent', 'tr_' || n, '[]', '{}', 0, 0, 0, 0, now()
    FROM generate_series(1, 1000) AS n RETURNING id
), turns AS (
    INSERT INTO agents_turn (run_id, number, phase, text, model, prompt_tokens, completion_tokens,
        started_at, answered_at)
    SELECT id, n, 'helpdesk', '', 'a/model', 900, 100, at, at
    FROM made, generate_series(1, %s / 1000) AS n,
        LATERAL (SELECT now() - random() * interval '90 days' WHERE id IS NOT NULL) AS m(at)
    RETURNING id, run_id, number, answered_at
)
INSERT INTO agents_toolexecution (id, run_id, turn_id, position, call_id, tool, raw_arguments,
    arguments, action_class, resource, fingerprint, policy, state, wait, wait_detail, token,
    attempts, failed, result, data, begun_at, ended_at)
SELECT gen_random_uuid(), run_id, id, 0, 'call_' || id,
    (ARRAY['get_pods', 'get_events', 'delete_pod'])[1 + number %% 3], '{}', '{}', 'read', '', '',
    'infrastructure', 'done', '', '{}', 1, 1, number %% 9 = 0, repeat('x', 400), '{}', answered_at,
    answered_at + interval '40 ms'
FROM turns
"""
LINK = """
from governance.audit.checkpoints import signer
from governance.audit.sequence import sequence_waiting
sequence_waiting(60)
signer.sign_head()
"""
MIDDLE = """
SELECT id, key, to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
FROM governance_auditevent WHERE id = (SELECT max(id) / 2 FROM governance_auditevent)
"""
COUNT = "from tickets import daily; daily.count()"
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
        for first in range(1, events, PART):  # each is signed, so each event has a proof
            connection.execute(log.FILL, [first, min(first + PART - 1, events)])
            house.manage("shell", "-v", "0", "-c", LINK)
        connection.execute("SET session_replication_role = replica")
        connection.execute(WORK, [events // 3])
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")  # else one brings all this to the disk amid the clicks


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
    with (
        tempfile.TemporaryDirectory(prefix="aura-bench-") as directory,
        House(AURA_GIT_REPO_URL=seeded(Path(directory) / "clicks.git")) as house,
    ):
        say(f"{wanted.tickets} tickets, {wanted.events} events, {wanted.approvals} approvals")
        fill(house, wanted.tickets, wanted.events, wanted.approvals)
        session = house.manage("shell", "-v", "0", "-c", LOGIN).rpartition("session: ")[2].strip()
        told = house.manage("shell", "-v", "0", "-c", STORY).rpartition("story: ")[2].split()
        for _ in range(9):  # beat counts ten of the days a minute
            house.manage("shell", "-v", "0", "-c", COUNT)
        pages = paths(house, *told[:2], last=wanted.approvals // 50)
        pages |= of_the_log(house)
        show("Pages", [lag(name, times(house, session, p), P95_MS) for name, p in pages.items()])
        show("What happens, seen", live(house, session, ticket=told[0]))
        show("Decisions by click", clicks(house, session))


def paths(house: House, story: str, request: str, *, last: int) -> dict[str, str]:
    """What is asked for; `last`: page of the inbox where the requests end."""
    return {
        "inbox": "/admin/inbox/",
        "inbox, mine": "/admin/inbox/?mine=1",
        "inbox, a search": "/admin/inbox/?q=web-77",
        "inbox, last page of requests": f"/admin/inbox/?page={last}",
        "inbox, far into failed tickets": f"/admin/inbox/?page={last + 300}",
        "counts of the frame": "/admin/inbox/counts/",
        "first page": "/admin/",
        "dashboard": "/admin/dashboard/",
        "dashboard, 90 days": "/admin/dashboard/?days=90",
        "agents and tools": "/admin/tools/",
        "a tool": "/admin/tools/k8s_agent/get_pods/",
        "a ticket": f"/admin/tickets/ticket/{house.one_ticket()}/change/",
        "a ticket that waits, of 1,000 events": f"/admin/tickets/ticket/{story}/change/",
        "its conversation": f"/admin/tickets/ticket/{story}/conversation/",
        "its request": f"/admin/governance/approval/{request}/change/",
    }


def of_the_log(house: House) -> dict[str, str]:
    """Its browser by what an index serves and by what none does, and one event of the middle."""
    log_of, trace = "/admin/governance/auditevent/", "tr_4000"
    with psycopg.connect(house.database_url) as connection:
        middle = connection.execute(MIDDLE).fetchone()
    assert middle is not None
    number, key, moment = middle
    return {
        "log": log_of,
        "log, far back": f"{log_of}?after={key}",
        "log, until a time": f"{log_of}?until={moment}",
        "log, one type": f"{log_of}?type=tool_called",
        "log, one type of an agent": f"{log_of}?type=tool_called&agent=k8s",
        "log, one trace": f"{log_of}?q={trace}",
        "log, traces that begin alike": f"{log_of}?q={trace[:4]}*",
        "log, a text that none says": f"{log_of}?says=nowhere",
        "log, a tool": f"{log_of}?tool=delete_pod",
        "log, denied by the policy": f"{log_of}?decision=policy",
        "an event": f"{log_of}{number}/change/",
        "its proof": f"{log_of}{number}/proof/",
    }


if __name__ == "__main__":
    main()

"""What the API is compared with: asyncpg and orjson by hand, under the uvicorn that we use.

`python -m tests.bench.bare PORT DATABASE_URL`. It reads and writes our tables, checks nothing and
knows nobody: the least that could answer these requests.
"""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import uvicorn

from aura.serving.bridge import THREADS as POOL  # as many connections as ours has

COLUMNS = "id, title, status, priority, created_at, updated_at"
LIST = f"SELECT {COLUMNS} FROM tickets_ticket ORDER BY created_at DESC, id DESC LIMIT 50"  # noqa: S608
COUNT = "SELECT count(*) FROM tickets_ticket"
ONE = "SELECT * FROM tickets_ticket WHERE id = $1"
TICKET = (
    "INSERT INTO tickets_ticket (id, title, description, priority, status, created_by, created_at,"
    " updated_at, max_turns, current_turn, prompt_tokens, completion_tokens, plan_version,"
    " plan_approved_by, working_branch, commits, last_error)"
    " VALUES ($1, $2, $3, $4, 'draft', '', $5, $5, 50, 0, 0, 0, 0, '', '', '[]', '')"
)
EVENT = (
    "INSERT INTO governance_auditevent"
    " (uid, recorded_at, type, trace_id, actor, actor_name, action, body, key)"
    " VALUES ($1, $2, 'ticket_created', $3, 'system', '', 'ticket_created', $4, $5)"
)
JSON_TYPE = [b"content-type", b"application/json"]


class Bare:
    """An ASGI application of three routes."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["method"] == "POST":
            status, answer = 201, await self._create((await receive())["body"])
        elif scope["path"] == "/api/tickets":
            status, answer = 200, await self._list()
        else:
            status, answer = 200, await self._one(scope["path"].rpartition("/")[2])
        body = orjson.dumps(answer, option=orjson.OPT_UTC_Z, default=str)
        headers = [JSON_TYPE, [b"content-length", str(len(body)).encode()]]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        self.pool = await asyncpg.create_pool(self.url, min_size=POOL, max_size=POOL)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _list(self) -> dict[str, Any]:
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(LIST)
            total = await connection.fetchval(COUNT)
        return {"tickets": [dict(row) for row in rows], "total": total}

    async def _one(self, key: str) -> dict[str, Any]:
        async with self.pool.acquire() as connection:
            return dict(await connection.fetchrow(ONE, uuid.UUID(key)))

    async def _create(self, raw: bytes) -> dict[str, Any]:
        asked = orjson.loads(raw)
        key, uid = uuid.uuid4(), uuid.uuid4()
        moment = datetime.now(UTC)  # noqa: TID251 - Django is not here
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        name = f"evt_{uid.hex[:16]}"
        body = _event(asked, key, uid, moment, name)
        async with self.pool.acquire() as connection, connection.transaction():
            fields = (asked["title"], asked["description"], asked.get("priority", "medium"))
            await connection.execute(TICKET, key, *fields, moment)
            await connection.execute(EVENT, uid, moment, str(key), body, name)
        return {"id": key, **asked, "status": "draft", "createdAt": moment}


def _event(asked: Any, key: uuid.UUID, uid: uuid.UUID, moment: datetime, name: str) -> bytes:
    """What ours says of it: secbot raises an alarm for each event that says something else."""
    priority = asked.get("priority", "medium")
    event = {
        "id": uid,
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        "type": "ticket_created",
        "traceId": key,
        "actor": {"kind": "system", "name": ""},
        "action": "ticket_created",
        "data": {
            "payload": {"title": asked["title"], "priority": priority},
            "ticket": {"status": "draft", "priority": priority},
        },
        "key": name,
    }
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS)


def main(port: str, url: str) -> None:
    uvicorn.run(
        Bare(url),
        port=int(port),
        log_level="warning",
        access_log=False,
        server_header=False,
        loop="uvloop",
        http="httptools",
        lifespan="on",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

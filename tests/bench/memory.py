"""`python -m tests.bench.memory`: what `manage.py up` takes, idle and after work.

Memory is the proportional set size: what processes share is counted once.
"""

from __future__ import annotations

import http.client
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from aura.embedded.places import Places
from aura.embedded.postgres import SUPERUSER
from tests.bench import log
from tests.bench.console import LOGIN
from tests.bench.figures import Figure, show
from tests.bench.house import House, pss_kb
from tests.bench.load import Spec, run

SETTLE_S = 15.0
PAGES, EVENTS, DOWNLOADS = 100, 20_000, 4
EXPORT = "/admin/governance/auditevent/export/"
LINK = re.compile(rb'href="(/admin/[^"#?]*)"')


def family(pid: int) -> dict[int, str]:
    """`pid` and all processes below it, with their command lines."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {one: _command(one) for one in sorted(found)}


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def kind(command: str) -> str:
    """Which part of the product a process is."""
    if "postgres" in command:
        return "PostgreSQL"
    if "redis-server" in command:
        return "Redis"
    return next((name for name in ("worker", "beat") if f"child {name}" in command), "web")


def sizes(pid: int) -> dict[str, float]:
    """Megabytes of each part."""
    total: dict[str, float] = {}
    for one, command in family(pid).items():
        name = kind(command)
        total[name] = total.get(name, 0.0) + pss_kb(one) / 1024
    return total


def page_of(house: House, session: str, path: str) -> bytes:
    line = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
    try:
        line.request("GET", path, headers={"Cookie": f"sessionid={session}"})
        return line.getresponse().read()
    finally:
        line.close()


def walk(house: House, session: str) -> None:
    """So many pages of the console, each found on one before it."""
    known = ["/admin/"]
    for path in known:
        links = (link.decode() for link in LINK.findall(page_of(house, session, path)))
        known += [link for link in dict.fromkeys(links) if _new(link, known)]
        if len(known) > PAGES:
            break
    for path in known[:PAGES]:
        page_of(house, session, path)


def _new(link: str, known: list[str]) -> bool:
    return link not in known and not link.endswith(("/logout/", "/export/"))


def looked_at(house: House) -> tuple[float, float]:
    """Megabytes of the web process after a walk, and after downloads of the log at once."""
    url = Places(house.instance.data).database_url(role=SUPERUSER)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(log.FILL, [1, EVENTS])
    house.linked()
    session = house.manage("shell", "-v", "0", "-c", LOGIN).rpartition("session: ")[2].strip()
    walk(house, session)
    walked = sizes(house.pid)["web"]
    with ThreadPoolExecutor(DOWNLOADS) as threads:
        files = list(threads.map(lambda _: page_of(house, session, EXPORT), range(DOWNLOADS)))
    if min(map(len, files)) < 1_000_000:
        raise RuntimeError("no log was downloaded")
    return walked, sizes(house.pid)["web"]


def main() -> None:
    with House() as house:
        time.sleep(SETTLE_S)
        idle = sizes(house.pid)
        house.fill(1_000)
        paths = ("/api/tickets", "/api/stats", f"/api/tickets/{house.one_ticket()}")
        for path in paths:
            run(Spec(port=house.port, path=path, headers=house.headers))
        worked = sizes(house.pid)["web"]
        walked, downloaded = looked_at(house)
    sys.stdout.write("  ".join(f"{name} {size:.0f} MB" for name, size in idle.items()) + "\n")
    show(
        "Memory of `manage.py up`",
        [
            Figure(
                name="everything, idle",
                ours=f"{sum(idle.values()):.0f} MB",
                promise="< 450 MB",
                held=sum(idle.values()) < 450,
            ),
            Figure(
                name="web process, idle",
                ours=f"{idle['web']:.0f} MB",
                promise="< 120 MB",
                held=idle["web"] < 120,
            ),
            Figure(
                name="web process, after requests of 32",
                ours=f"{worked:.0f} MB",
                promise="< 120 MB",
                held=worked < 120,
            ),
            Figure(
                name=f"web process, after {PAGES} pages of the console",
                ours=f"{walked:.0f} MB",
                promise="-",
                held=True,
            ),
            Figure(
                name=f"web process, after {DOWNLOADS} downloads of the log at once",
                ours=f"{downloaded:.0f} MB",
                promise="-",
                held=True,
            ),
        ],
    )


if __name__ == "__main__":
    main()

"""Whatever is recorded honestly, the log holds: no check of it may raise a false alarm."""

from __future__ import annotations

import random
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from governance.audit import rotation
from governance.audit.background import in_background
from governance.audit.checkpoints import signer
from governance.audit.export import export
from governance.audit.intent import ensure_intent_durable
from governance.audit.keys import signing_key
from governance.audit.offline import verify_bundle
from governance.audit.record import record, recorded_together
from governance.audit.verify import verify, verify_tail
from governance.models import AuditEvent, AuditPending
from governance.types import About, ActorKind, Principal

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, LIVES = 4, 3
LARGE = 2_000_000  # characters
RANGES = (
    (0x00, 0x20),  # control characters, NUL among them
    (0x20, 0x7F),
    (0x80, 0x24F),
    (0x2000, 0x2070),  # separators, marks of direction
    (0xD800, 0xE000),  # halves of surrogates, which are no characters
    (0xFDD0, 0xFFFF),
    (0x1F300, 0x1FAFF),
    (0x10FFF0, sys.maxunicode),
)
HOSTILE = (
    "",
    '"',
    "\\",
    "\\u0000",
    "\x00",
    "\ud83d",
    "\u2028",
    "\r\n",
    "NaN",
    '","id":"',
    "ﬁ",
    "é",
)
NUMBERS = (
    0, -1, 2**31, 2**53 + 1, -(2**63), 2**64 - 1, 2**64, -(10**40), 10**400,
    0.0, -0.0, 0.1, 5e-324, 1.7976931348623157e308, -1e-7, 1e22, 123456789.123456789,
)  # fmt: skip


class Anything:
    """Values of every kind, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def text(self, most: int = 60) -> str:
        if self.chance.random() < 0.3:
            return self.chance.choice(HOSTILE)
        low, high = self.chance.choice(RANGES)
        size = self.chance.randrange(most + 1)
        return "".join(chr(self.chance.randrange(low, high)) for _ in range(size))

    def value(self, depth: int = 4) -> Any:
        kind = self.chance.randrange(8 if depth else 5)
        if kind < 2:
            return self.text()
        if kind < 4:
            return self.chance.choice(NUMBERS)
        if kind == 4:
            return self.chance.choice((None, True, False, [], {}))
        items = [self.value(depth - 1) for _ in range(self.chance.randrange(4))]
        return items if kind == 5 else {self.text(): item for item in items}

    def data(self) -> dict[str, Any]:
        lot = self.chance.random()
        if lot < 0.005:
            return {"content": self.text(5) + "x" * self.chance.randrange(LARGE)}
        if lot < 0.01:
            return {"deep": _nested(self.chance.randrange(180))}
        return {self.text(): self.value() for _ in range(self.chance.randrange(4))}

    def event(self) -> AuditEvent:
        """Recorded in the transaction that is open, or in one of its own."""
        name = self.text(300)
        actor = Principal(kind=self.chance.choice(list(ActorKind)), name=name)
        about = About(session_id=self.text(64)[:64], agent=self.text(200))
        return record(
            self.text(64)[:64], actor=actor, action=self.text(400), trace_id=self.text(64)[:64],
            data=self.data(), about=self.chance.choice((about, None)),
        )  # fmt: skip


def _nested(depth: int) -> Any:
    return [_nested(depth - 1)] if depth else "here"


def happen(anything: Anything) -> int:
    """One of the ways in which the product records; how many events stay."""
    way = anything.chance.randrange(4)
    if way == 0:
        anything.event()
        return 1
    if way == 1:  # a change that does not happen leaves nothing, and a number that is never used
        with transaction.atomic():
            anything.event()
            transaction.set_rollback(True)
        return 0
    with transaction.atomic(), recorded_together() as told:
        told.intent = way == 2
        anything.event()
        anything.event()
    if told.intent:
        ensure_intent_durable(told.linked)
    return 2


def live(seed: int, events: int) -> int:
    """A process that writes with several threads, signs beside them, and ends."""
    signer._signed = None  # it knows what is on the disk alone
    written = [0] * WRITERS
    failures: list[BaseException] = []

    def work(number: int) -> None:
        anything = Anything(seed * WRITERS + number)
        try:
            while written[number] < events // WRITERS:
                written[number] += happen(anything)
        except BaseException as failure:  # noqa: BLE001 - told by the test
            failures.append(failure)
        finally:
            connection.close()

    with in_background(every_s=0.05):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures, failures
    return sum(written)


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    number: int = request.config.getoption("--log-events")
    return number


def test_no_check_of_an_honest_log_raises_an_alarm(count: int, tmp_path: Path) -> None:
    written = 0
    for seed in range(LIVES):
        written += live(seed, count // LIVES)
        if seed == 1:
            rotation.rotate()
            written += 1
        verdict = verify()
        assert verdict.valid, verdict.problem
        assert (verdict.events, verdict.hashed) == (written, written)
        assert not AuditPending.objects.exists()
    assert verify(full=True).valid
    assert verify_tail(count // 2).valid
    key = signing_key()
    assert key is not None
    assert export(tmp_path / "log.tar") == (written, "")
    assert verify_bundle.main([str(tmp_path / "log.tar"), "--key", key.public.text]) == 0


@pytest.mark.parametrize("number", NUMBERS, ids=str)
def test_a_number_is_the_same_for_everybody_who_reads_it(number: float) -> None:
    record("x", actor=Principal(kind=ActorKind.USER, name="ada"), action="x", data={"n": number})
    signer.sign_head()
    verdict = verify(full=True)
    assert verdict.valid, verdict.problem

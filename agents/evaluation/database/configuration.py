"""Faults of the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

from agents.evaluation.case import Case
from agents.evaluation.database.lab import Lab


class Change(Protocol):
    def __call__(self, lab: Lab) -> AbstractContextManager[None]: ...


def set_to(name: str, value: str) -> Change:
    """ALTER SYSTEM SET."""
    return partial(_set, name=name, value=value)


@contextmanager
def _set(lab: Lab, *, name: str, value: str) -> Iterator[None]:
    with lab.setting(name, value):
        yield


@contextmanager
def role_timeout(lab: Lab) -> Iterator[None]:
    lab.run("ALTER ROLE app SET statement_timeout = '50ms'")
    try:
        yield
    finally:
        lab.run("ALTER ROLE app RESET statement_timeout")


@contextmanager
def long_role_timeout(lab: Lab) -> Iterator[None]:
    lab.run("ALTER ROLE app SET statement_timeout = '30s'")
    try:
        yield
    finally:
        lab.run("ALTER ROLE app RESET statement_timeout")


@contextmanager
def database_read_only(lab: Lab) -> Iterator[None]:
    lab.run("ALTER DATABASE lab SET default_transaction_read_only = on")
    try:
        yield
    finally:
        lab.run(
            "SET default_transaction_read_only = off",
            "ALTER DATABASE lab RESET default_transaction_read_only",
        )


@contextmanager
def role_read_only(lab: Lab) -> Iterator[None]:
    lab.run("ALTER ROLE looker SET default_transaction_read_only = on")
    try:
        yield
    finally:
        lab.run("ALTER ROLE looker RESET default_transaction_read_only")


CASES: tuple[Case[Lab], ...] = (
    Case(
        name="fsync-off",
        category="configuration",
        expected=("configuration/durability-off",),
        inject=set_to("fsync", "off"),
        control=set_to("synchronous_commit", "off"),
        about="setting/fsync",
        remedies=("reset_pg_setting",),
    ),
    Case(
        name="full-page-writes-off",
        category="configuration",
        expected=("configuration/durability-off",),
        inject=set_to("full_page_writes", "off"),
        control=set_to("wal_compression", "on"),
        about="setting/full_page_writes",
        remedies=("reset_pg_setting",),
    ),
    Case(
        name="work-mem-overcommitted",
        category="configuration",
        expected=("configuration/memory-overcommitted",),
        inject=set_to("work_mem", "'4GB'"),
        control=set_to("work_mem", "'16MB'"),
        about="setting/work_mem",
        remedies=("reset_pg_setting",),
    ),
    Case(
        name="planner-method-off",
        category="configuration",
        expected=("configuration/planner-switched-off",),
        inject=set_to("enable_indexscan", "off"),
        control=set_to("random_page_cost", "1.1"),
        about="setting/enable_indexscan",
        remedies=("reset_pg_setting",),
    ),
    Case(
        name="statement-timeout-too-short",
        category="configuration",
        expected=("configuration/statement-timeout",),
        inject=role_timeout,
        control=long_role_timeout,
        about="setting/statement_timeout",
    ),
    Case(
        name="database-read-only",
        category="configuration",
        expected=("configuration/read-only-default",),
        inject=database_read_only,
        control=role_read_only,
        question="Why do writes to {target} fail?",
        about="database/lab",
    ),
)

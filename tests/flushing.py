"""The database is left empty after a transactional test, for a tenth of what Django's flush costs.

Django truncates every table and makes content types, permissions and roles anew each time. Here
what has rows is truncated; what `migrate` made stays, unless a test changed it.
"""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

MADE = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")


class Flush:
    """Of one test database, as `migrate` left it."""

    def __init__(self) -> None:
        names = connection.introspection.django_table_names(only_existing=True, include_views=False)
        self._tables = sorted(set(names) - set(MADE))
        self._made = _digests()

    def __call__(self) -> bool:
        """Empty it; False, and nothing done, where a test changed what `migrate` made."""
        if _digests() != self._made:
            return False
        filled = _rows(
            " UNION ALL ".join(
                f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})"  # noqa: S608 - our own tables
                for name in self._tables
            )
        )
        if filled:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {', '.join(filled)} CASCADE")
        return True


def _digests() -> list[str]:
    """Of the rows of each table that `migrate` fills."""
    return _rows(
        " UNION ALL ".join(
            f"SELECT md5(string_agg(made::text, '|' ORDER BY id)) FROM {name} AS made"  # noqa: S608
            for name in MADE
        )
    )


def _rows(query: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]


def use(patch: pytest.MonkeyPatch) -> None:
    """From now on, in this process. Called once the test database is there."""
    flush, djangos = Flush(), vars(TransactionTestCase)["_fixture_teardown"]

    def teardown(case: TransactionTestCase) -> None:
        nonlocal flush
        if not flush():
            djangos(case)
            flush = Flush()

    patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)

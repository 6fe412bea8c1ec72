"""What every journal keeps: the changed columns of the owner's row and the run's, written once."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, Self, TypeVar

from django.db.models import Model
from django.utils.timezone import now

from agents.models import Run
from agents.runtime.session import Session
from aura.kernel import rows

Owner = TypeVar("Owner", bound=Model)


class RowJournal(Generic[Owner]):
    """The part of a `Journal` that opens and closes a commit on `owner`, which has `updated_at`."""

    shared: ClassVar[tuple[str, ...]]  # what others may change of the owner during a run

    def __init__(self, owner: Owner, run: Run) -> None:
        self.run = run
        self._owner = owner
        self._changed: set[str] = set()
        self._changed_run: set[str] = set()

    @classmethod
    def of(cls, session: Session) -> Self:
        """The journal of a session."""
        journal: object = session.journal
        assert isinstance(journal, cls)  # noqa: S101 - ours; narrows the protocol
        return journal

    def opened(self, *, afresh: bool = False) -> None:
        """Lock the owner; the run's row is locked already (see `claims.fenced`)."""
        if afresh:
            manager = type(self._owner)._default_manager  # noqa: SLF001 - public by its documentation
            whole = manager.select_for_update(of=("self",))
            self._owner.refresh_from_db(from_queryset=whole)
        else:
            rows.lock(self._owner, *self.shared)
        self._changed.clear()
        self._changed_run.clear()

    def closed(self) -> None:
        if self._changed:
            self._change(updated_at=now())
            rows.update(self._owner, *sorted(self._changed))
        if self._changed_run:
            rows.update(self.run, *sorted(self._changed_run))

    def save_run(self, **changes: Any) -> None:
        """Change the run, which this transaction holds; written when the commit closes."""
        for name, value in changes.items():
            setattr(self.run, name, value)
        self._changed_run.update(changes)

    def _change(self, **columns: Any) -> None:
        """Change the owner; its row is written when the commit closes."""
        for name, value in columns.items():
            setattr(self._owner, name, value)
        self._changed.update(columns)

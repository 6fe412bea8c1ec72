"""What somebody asks of the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.http import HttpRequest

from aura.console.inbox.items import FILTERS, Kind
from governance.identity import decider
from governance.types import Principal

QUERY_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`show` is a name of `FILTERS`, or empty; `mine`: what I may settle alone; `q`: words.

    `user` answers `has_perm`; `by` is the same person as somebody who decides.
    """

    user: Any
    by: Principal
    show: str = ""
    mine: bool = False
    q: str = ""

    @classmethod
    def everything(cls, request: HttpRequest) -> Self:
        """All that this person may see."""
        return cls(user=request.user, by=decider(request.user))

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """What the query says; what it says wrongly counts as not said."""
        said: Mapping[str, str] = request.GET.dict()
        show = said.get("show", "")
        return cls(
            user=request.user,
            by=decider(request.user),
            show=show if show in FILTERS else "",
            mine=said.get("mine") == "1",
            q=said.get("q", "").replace("\0", "").strip()[:QUERY_CHARS],
        )

    @property
    def kinds(self) -> frozenset[Kind]:
        return FILTERS[self.show][1] if self.show else frozenset(Kind)

    @property
    def narrowed(self) -> bool:
        """Whether less than everything of a kind may be wanted."""
        return self.mine or bool(self.q)

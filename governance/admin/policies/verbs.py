"""What is done with a version. The roles are checked by `governance.policy`, whoever is offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib.auth.models import User

from governance.admin.base import Words
from governance.admin.policies import reading
from governance.models import PolicyVersion
from governance.policy import activation, deciders, words
from governance.policy.activation import PolicyNotActivated

REASON_CHARS: Final = 1000


class NoFields(forms.Form):
    """The button says it all."""


class RefuseForm(forms.Form):
    """A no needs its reason: whoever proposed it goes on from it."""

    reason = Words(required=True, rows=2, max_length=REASON_CHARS, help_text="Goes into the log.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`offered`: whether it makes sense for the version, to somebody with the role for it.

    `carry_out` returns what the person is told; `over` is what they saw in force.
    """

    offered: Callable[[PolicyVersion, User], bool]
    carry_out: Callable[[PolicyVersion, User, Mapping[str, Any], str], str]
    form: type[forms.Form] = NoFields


def offered(version: PolicyVersion, person: User) -> dict[str, forms.Form]:
    """The forms of the verbs that make sense for this person, who has the role, by their names."""
    return {name: verb.form() for name, verb in VERBS.items() if verb.offered(version, person)}


def _confirm(version: PolicyVersion, by: User, _: Mapping[str, Any], over: str) -> str:
    activation.confirm(version, by=by, over=over)
    return f"{version} is in force."


def _refuse(version: PolicyVersion, by: User, data: Mapping[str, Any], over: str) -> str:
    activation.refuse(version, by=by, reason=data["reason"], over=over)
    return f"{version} waits no more."


def _propose(version: PolicyVersion, by: User, _: Mapping[str, Any], over: str) -> str:
    done = activation.propose(version, by=by, over=over)
    return f"{version} is in force." if done.active else words.waits(version)


def _shadow(version: PolicyVersion, by: User, _: Mapping[str, Any], __: str) -> str:
    activation.shadow(version, by=by)
    return f"{version} is the candidate."


def _end(version: PolicyVersion, by: User, _: Mapping[str, Any], __: str) -> str:
    version.refresh_from_db()
    if not version.shadow:
        raise PolicyNotActivated(f"{version} is not the candidate any more")
    activation.shadow(None, by=by)
    return "There is no candidate."


VERBS: Final[Mapping[str, Verb]] = {
    "confirm": Verb(
        offered=lambda version, by: version.waiting and not deciders.proposed_by(version, by),
        carry_out=_confirm,
    ),
    "refuse": Verb(offered=lambda version, _: version.waiting, carry_out=_refuse, form=RefuseForm),
    "propose": Verb(
        offered=lambda version, _: not version.waiting and not reading.counts(version),
        carry_out=_propose,
    ),
    "shadow": Verb(
        offered=lambda version, _: not version.shadow and not reading.counts(version),
        carry_out=_shadow,
    ),
    "end": Verb(offered=lambda version, _: version.shadow, carry_out=_end),
}

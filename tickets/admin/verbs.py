"""What a person can do on a ticket's page: which form, from which status, with which permission.

Every entry ends in a verb of `tickets.services`, the same that the API calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from agents.gitops.sealed.vault import DECLINE, SecretName
from agents.runtime import claims, stop
from agents.types import WaitKind
from aura.kernel import rows
from aura.kernel.ids import parse_uuid
from governance import approvals
from governance.approvals import Seen, ShownIsStale
from governance.models import Approval, ApprovalStatus
from governance.types import Principal
from tickets import services
from tickets.admin import forms as ours
from tickets.admin.waiting import Waiting, waiting
from tickets.lifecycle import ENDED, WORKING
from tickets.models import Status, Ticket
from tickets.settling import held

CHANGE = "tickets.change_ticket"
DECIDE = "governance.decide_approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`form` is made from a ticket and what it waits for (and the submitted data, if any)."""

    name: str
    permission: str
    possible: Callable[[Ticket, Waiting | None], bool]
    form: Callable[[Mapping[str, Any] | None, Ticket, Waiting | None], forms.Form]
    carry_out: Callable[[Ticket, Mapping[str, Any], Principal, Seen], str]

    def do(self, ticket: Ticket, data: Mapping[str, Any], *, seen: Seen, actor: Principal) -> str:
        """Carry it out and return what to tell the person. Raises `Problem`.

        `seen`: the request or question that the submitted page showed.
        """
        with held(ticket):
            return self.carry_out(ticket, data, actor, seen)


# --- what each verb does ---
# The text stays on a page that renews itself: it tells what the person did, not what follows.


def _run(ticket: Ticket, data: Mapping[str, Any], actor: Principal, seen: Seen) -> str:
    del data, seen
    services.run_ticket(ticket, actor=actor)
    return stop.in_words() or "The agent was started."


def _decide(ticket: Ticket, data: Mapping[str, Any], actor: Principal, seen: Seen) -> str:
    _refuse_blind(seen.request and seen.fingerprint)
    _refuse_decided(seen.request)
    approved, reason = data["decision"] == "approve", data["reason"]
    if ticket.status == Status.PENDING_PLAN_APPROVAL:
        return _decide_plan(ticket, actor, seen, approved=approved, reason=reason)
    services.decide_action(ticket, approved=approved, actor=actor, reason=reason, seen=seen)
    if not approved:
        return "Denied: the agent is told why."
    return _missing(ticket) or "The action is approved."


def _decide_plan(
    ticket: Ticket, actor: Principal, seen: Seen, *, approved: bool, reason: str
) -> str:
    if approved:
        services.approve_plan(ticket, actor=actor, note=reason, seen=seen)
        return _missing(ticket) or "The plan is approved."
    services.reject_plan(ticket, feedback=reason, actor=actor, seen=seen)
    return "Changes are asked for; the agent is told which."


def _refuse_decided(request: str) -> None:
    """Whoever was slower is told who was faster, whatever the ticket waits for by now."""
    key = parse_uuid(request)
    shown = rows.find(Approval, key) if key else None
    if shown and shown.status != ApprovalStatus.PENDING:
        how = approvals.how_it_ended(shown)
        raise ShownIsStale(f"This was decided already; nothing was changed. It {how}")


def _refuse_blind(shown: str) -> None:
    if not shown:
        raise ShownIsStale("The form does not say what it showed; nothing was decided")


def _missing(ticket: Ticket) -> str:
    """What is still waited for after a yes; empty when nothing is."""
    asked = waiting(ticket)
    if asked is None or asked.approval is None:
        return ""
    said = len(approvals.standing(asked.approval))
    return f"Your approval counts: {said} of {asked.approval.quorum}."


def _answer(ticket: Ticket, data: Mapping[str, Any], actor: Principal, seen: Seen) -> str:
    _refuse_blind(seen.request)
    services.answer_question(ticket, answer=data["words"], actor=actor, question=seen.request)
    return "Your answer is given."


def _enter(ticket: Ticket, data: Mapping[str, Any], actor: Principal, seen: Seen) -> str:
    """Keep the values for the secret that the page showed."""
    asked = _values_asked(ticket, seen)
    secret = SecretName(asked.secret["namespace"], asked.secret["name"])
    services.give_secret_values(ticket, secret=secret, values=data["values"], actor=actor)
    return "The values are kept encrypted until they are sealed."


def _decline(ticket: Ticket, data: Mapping[str, Any], actor: Principal, seen: Seen) -> str:
    del data
    _values_asked(ticket, seen)
    services.answer_question(ticket, answer=DECLINE, actor=actor, question=seen.request)
    return "Declined; the agent is told."


def _values_asked(ticket: Ticket, seen: Seen) -> Waiting:
    """The question for values that the page showed. Raises `ShownIsStale` for another."""
    _refuse_blind(seen.request)
    asked = waiting(ticket)
    if asked is None or not asked.secret or asked.key != seen.request:
        raise ShownIsStale("Something else is waited for by now; look at it first")
    return asked


def _resume(ticket: Ticket, data: Mapping[str, Any], actor: Principal, seen: Seen) -> str:
    del seen
    services.resume_ticket(ticket, actor=actor, additional_turns=data["additional_turns"] or 0)
    return "The ticket is resumed."


def _cancel(ticket: Ticket, data: Mapping[str, Any], actor: Principal, seen: Seen) -> str:
    del seen
    services.cancel_ticket(ticket, actor=actor, reason=data["reason"])
    return "The ticket is cancelled."


def _edit(ticket: Ticket, data: Mapping[str, Any], actor: Principal, seen: Seen) -> str:
    del seen
    if data["seen"] != ours.state_of(ticket):
        raise ShownIsStale(
            "Somebody else changed the ticket meanwhile and nothing was saved. Compare, then save"
            " again to put yours in its place."
        )
    changes = {name: data[name] for name in ours.EDITABLE}
    services.update_ticket(ticket, changes=changes, actor=actor)
    return "Saved."


# --- when it can be done, and with which form ---


def _can_run(ticket: Ticket, now_waiting: Waiting | None) -> bool:
    """A new start; or a nudge, when the agent should be at work and no worker is."""
    del now_waiting
    if ticket.status in WORKING and ticket.run_id is not None:
        return not claims.busy(ticket.run_id)
    return ticket.status in {Status.DRAFT, Status.FAILED}


def _is_request(ticket: Ticket, now_waiting: Waiting | None) -> bool:
    del ticket
    return now_waiting is not None and now_waiting.kind is not WaitKind.QUESTION


def _is_question(ticket: Ticket, now_waiting: Waiting | None) -> bool:
    asks = now_waiting is not None and now_waiting.kind is WaitKind.QUESTION
    return asks and not _asks_for_values(ticket, now_waiting)


def _asks_for_values(ticket: Ticket, now_waiting: Waiting | None) -> bool:
    del ticket
    return now_waiting is not None and bool(now_waiting.secret)


def _decision_form(data: Any, ticket: Ticket, now_waiting: Waiting | None) -> forms.Form:
    del now_waiting
    plan = ticket.status == Status.PENDING_PLAN_APPROVAL
    return ours.PlanDecisionForm(data) if plan else ours.ActionDecisionForm(data)


def _answer_form(data: Any, ticket: Ticket, now_waiting: Waiting | None) -> forms.Form:
    del ticket
    return ours.AnswerForm(data, options=now_waiting.options if now_waiting else ())


def _values_form(data: Any, ticket: Ticket, now_waiting: Waiting | None) -> forms.Form:
    del ticket
    keys = now_waiting.secret.get("keys", ()) if now_waiting else ()
    return ours.SecretValuesForm(data, keys=keys, auto_id="secret_%s")


def _edit_form(data: Any, ticket: Ticket, now_waiting: Waiting | None) -> forms.Form:
    del now_waiting
    return ours.EditForm.of(ticket) if data is None else ours.EditForm(data, auto_id="edit_%s")


def _plain(form: type[forms.Form], prefix: str) -> Callable[..., forms.Form]:
    return lambda data, *_: form(data, auto_id=f"{prefix}_%s")


VERBS: Final[Mapping[str, Verb]] = {
    verb.name: verb
    for verb in (
        Verb(
            name="run",
            permission=CHANGE,
            possible=_can_run,
            form=_plain(ours.RunForm, "run"),
            carry_out=_run,
        ),
        Verb(
            name="decide",
            permission=DECIDE,
            possible=_is_request,
            form=_decision_form,
            carry_out=_decide,
        ),
        Verb(
            name="answer",
            permission=CHANGE,
            possible=_is_question,
            form=_answer_form,
            carry_out=_answer,
        ),
        Verb(
            name="secrets",
            permission=CHANGE,
            possible=_asks_for_values,
            form=_values_form,
            carry_out=_enter,
        ),
        Verb(
            name="decline",
            permission=CHANGE,
            possible=_asks_for_values,
            form=_plain(ours.RunForm, "decline"),
            carry_out=_decline,
        ),
        Verb(
            name="resume",
            permission=CHANGE,
            possible=lambda ticket, _: ticket.status == Status.PAUSED,
            form=_plain(ours.ResumeForm, "resume"),
            carry_out=_resume,
        ),
        Verb(
            name="edit",
            permission=CHANGE,
            possible=lambda *_: True,
            form=_edit_form,
            carry_out=_edit,
        ),
        Verb(
            name="cancel",
            permission=CHANGE,
            possible=lambda ticket, _: ticket.status not in ENDED,
            form=_plain(ours.CancelForm, "cancel"),
            carry_out=_cancel,
        ),
    )
}


def offered(
    user: AbstractBaseUser | AnonymousUser, ticket: Ticket, now_waiting: Waiting | None
) -> dict[str, forms.Form]:
    """The fresh form of each verb that this person can use on this ticket now."""
    return {
        verb.name: verb.form(None, ticket, now_waiting)
        for verb in VERBS.values()
        if user.has_perm(verb.permission) and verb.possible(ticket, now_waiting)  # type: ignore[union-attr]
    }

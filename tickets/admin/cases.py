"""A request with what the call knows that waits for it, and the ticket or task it belongs to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Q, Sum

from agents.models import ToolExecution, Turn
from agents.runtime.door import PLACE
from aura.kernel.ids import parse_uuid
from governance.admin.case import Case, case_of
from governance.models import Approval
from governance.policy import current
from governance.policy.types import Coverage, PolicyRequest
from governance.templatetags.shown import steps
from governance.types import ActionClass, ActorKind, Impact, Principal, Resource
from tickets import plan as plans
from tickets import undoing
from tickets.admin import changes
from tickets.models import Ticket

FIXED: Final[Mapping[str, str]] = {
    "plan-needs-approval": "Every plan is shown to a person first.",
    "agent-asks-for-approval": "The agent asked by itself; no policy made it.",
}
MOST_PLACES: Final = 4  # of a plan, in the lines that are read first
CHANGED: Final = "The policy was changed since, so how it was judged then is not told here."


def case_in_ticket(approval: Approval, user: Any, call: ToolExecution, ticket: Ticket) -> Case:
    """For the ticket's own page, which shows the whole plan beside it."""
    known = {**_known(approval, call), "spent": _spent(ticket, call)}
    return case_of(approval, user, **known, changes=changes.written(ticket.pk))


def whole_case(approval: Approval, user: Any) -> Case:
    """For the request's page."""
    calls = ToolExecution.objects.filter(approval=approval).select_related("run")
    call = calls.defer("result", "data", "raw_arguments").first()
    ticket = _ticket(approval)
    known = {
        **_known(approval, call),
        "trace": trace(approval, call, ticket),
        "spent": _spent(ticket, call),
        "changes": changes.written(ticket.pk) if ticket else (),
    }
    return case_of(approval, user, **known)


def _ticket(approval: Approval) -> Ticket | None:
    key = parse_uuid(approval.trace_id)
    return Ticket.objects.filter(pk=key).first() if key else None


def _known(approval: Approval, call: ToolExecution | None) -> dict[str, Any]:
    known: dict[str, Any] = {"policy": _policy(approval, call), "undo": undoing.undo(approval)}
    if approval.tool_name == plans.SUBMIT_PLAN:
        known["reach"] = list(_touched(steps(approval.arguments.get("steps"))))
    elif call is not None:
        known |= {
            "reach": list(_reach(call.inspection.get("impact") or {})),
            "place": str(call.inspection.get(PLACE) or ""),
            "tags": call.decision.get("tags", ()),
            "sensitivity": call.decision.get("sensitivity", ()),
        }
    return known


def _touched(planned: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The files that a plan would write, and where they go."""
    named = (
        str(step.get("path") or "") for step in planned if step.get("tool") in plans.FILE_TOOLS
    )
    paths = list(dict.fromkeys(filter(None, named)))
    if paths:
        places = list(dict.fromkeys(posixpath.dirname(path) or "/" for path in paths))
        more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
        files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
        yield f"{files} in {', '.join(places[:MOST_PLACES])}{more}"
    if any(step.get("tool") == "git_merge" for step in planned):
        yield f"the branch {settings.AURA.git_branch}, by a merge"


def _reach(impact: Mapping[str, Any]) -> Iterator[str]:
    """How far it reaches, as it was measured before anybody was asked."""
    for name, one, many in (("rows", "row", "rows"), ("pods", "pod", "pods")):
        if (number := impact.get(name)) is not None:
            yield f"{number:,} {one if number == 1 else many}"
    if (age := impact.get("xact_age_s")) is not None:
        yield f"ends a transaction that has been open for {age:,} s"


def _policy(approval: Approval, call: ToolExecution | None) -> str:
    """Why a person is asked, in the policy's own words."""
    if approval.policy_name in FIXED:
        return FIXED[approval.policy_name]
    said = [str(call.wait_detail.get("message") or "")] if call else []
    said += map(str, call.decision.get("conditions", ())) if call else []
    return " ".join(filter(None, said))


def trace(approval: Approval, call: ToolExecution | None, ticket: Ticket | None) -> str:
    """Every policy that was looked at, in words: judged again, and told only where it comes out
    as it did then.
    """
    evidence = call.decision if call else {}
    if call is None or approval.policy_name in FIXED or evidence.get("ruleIndex") is None:
        return ""
    policy = current.policy()
    if policy.version != evidence.get("version"):
        return CHANGED
    try:
        told = current.explain(policy, asked(approval, call, ticket))
    except (ValueError, TypeError):
        return ""  # asked for by somebody of whom we know no kind
    decided = told["decision"]
    same = (approval.policy_name, evidence["ruleIndex"])
    if (decided["policy_name"], decided["rule_index"]) != same:
        return ""
    return str(told["explanation"])


def asked(approval: Approval, call: ToolExecution, ticket: Ticket | None) -> PolicyRequest:
    """What the policy was asked then, as far as it was recorded."""
    kind, _, name = approval.requested_by.partition(":")
    evidence, impact = call.decision, call.inspection.get("impact") or {}
    return PolicyRequest(
        principal=Principal(kind=ActorKind(kind), name=name),
        tool=approval.tool_name,
        action_class=ActionClass(approval.action_class),
        resource=Resource(
            type=approval.resource_type,
            name=approval.resource_name,
            tags=frozenset(evidence.get("tags", ())),
            namespace=evidence.get("namespace", ""),
            sensitivity=frozenset(evidence.get("sensitivity", ())),
        ),
        coverage=_coverage(approval, ticket),
        impact=Impact(**impact),
        at=approval.requested_at,
    )


def _coverage(approval: Approval, ticket: Ticket | None) -> Coverage | None:
    if ticket is None:
        return None
    approved = ticket.plan if ticket.plan_approved_at else None
    path = approval.resource_name if approval.resource_type == "file" else ""
    return plans.coverage(approved, tool=approval.tool_name, path=path)


def _spent(ticket: Ticket | None, call: ToolExecution | None) -> str:
    """Tokens and money so far, of the ticket or of the task."""
    if ticket is not None:
        return spent(ticket.prompt_tokens + ticket.completion_tokens, ticket.estimated_cost)
    if call is None:
        return ""
    used = Turn.objects.filter(run=call.run_id).aggregate(
        prompt=Sum("prompt_tokens"),
        written=Sum("completion_tokens"),
        usd=Sum("cost"),
        unpriced=Count("pk", filter=Q(cost=None)),
    )
    cost = None if used["unpriced"] else used["usd"]
    return spent((used["prompt"] or 0) + (used["written"] or 0), cost)


def spent(tokens: int, cost: Decimal | None) -> str:
    """Tokens and USD in words; empty where no model was asked."""
    if not tokens:
        return ""
    return f"{tokens:,} tokens, " + ("price not known" if cost is None else f"{cost:.4f} USD")

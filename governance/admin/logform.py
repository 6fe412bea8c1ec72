"""What somebody asks of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.db import connection

from governance.audit.browse import quoted
from governance.audit.canonical import storable
from governance.audit.query import Filter
from governance.policy.types import Effect
from governance.refusals import Kind
from governance.templatetags.shown import visible
from governance.types import ActionClass, ActorKind

TEXT_CHARS: Final = 200
NOTHING: Final = "-"  # the type of no event
ANY: Final = "any:"  # before the name of a group
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Approvals": ("approval_", "plan_", "break_glass_"),
    "Agents at work": ("turn_", "tool_", "question_", "error_", "validation_", "agents_"),
    "Git and delivery": ("commit_", "push_", "merge_", "rollback_", "preview_", "argo_"),
    "Tickets and alerts": ("ticket_", "status_", "alert_"),
    "People and access": ("token_", "user_", *(kind.value for kind in Kind)),
    "Policy": ("policy_",),
    "Security and the log": ("security_", "incident_", "log_"),
    "Told by others": ("posted.",),
    "Other": ("",),
}
BY_PEOPLE: Final = ("approval_denied", "plan_rejected")
JUDGED: Final = ("tool_called", "policy_decision")
BY_POLICY: Final = f'"effect":"{Effect.DENY}"'
AT_THE_DOOR: Final = tuple(kind.value for kind in Kind if kind is not Kind.LOGIN)
DECISIONS: Final = (
    ("", "any"),
    ("people", "denied by a person"),
    ("policy", "denied by the policy"),
    ("door", "refused: login, token, right"),
)
# One step through the index for each type: the log is long, its types are few.
TYPES_IN_USE: Final = """
WITH RECURSIVE found AS (
    (SELECT type FROM governance_auditevent ORDER BY type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.type FROM governance_auditevent e WHERE e.type > found.type
            ORDER BY e.type LIMIT 1)
    FROM found WHERE found.type IS NOT NULL
) SELECT type FROM found WHERE type IS NOT NULL
"""


class MomentField(forms.DateTimeField):
    """A time in UTC, to the second."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        )
        super().__init__(required=False, widget=widget, **options)


class LogForm(forms.Form):
    """The filters of the log. A choice that nobody knows finds nothing, and is no complaint."""

    q = forms.CharField(
        required=False,
        max_length=TEXT_CHARS,
        label="Trace or ticket",
        help_text="Whole, or its beginning and a star: tr_4f*",
    )
    type = forms.CharField(required=False, max_length=TEXT_CHARS, widget=forms.Select)
    since = MomentField(label="From (UTC)")
    until = MomentField(label="To (UTC)")
    actor = forms.CharField(required=False, max_length=TEXT_CHARS, widget=forms.Select)
    decision = forms.CharField(required=False, max_length=TEXT_CHARS, widget=forms.Select)
    tool = forms.CharField(
        required=False, max_length=TEXT_CHARS, help_text="Its whole name: delete_pod"
    )
    says = forms.CharField(
        required=False,
        max_length=TEXT_CHARS,
        help_text="Any text of an event: a resource, a name, part of a reason",
    )
    agent = forms.CharField(required=False, max_length=TEXT_CHARS)
    action_class = forms.CharField(
        required=False, max_length=TEXT_CHARS, label="Action class", widget=forms.Select
    )
    session = forms.CharField(required=False, max_length=TEXT_CHARS)

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.types = types_in_use()
        kinds = [("", "anybody"), *((kind.value, kind.value) for kind in ActorKind)]
        classes = [("", "any"), *((each.value, each.value) for each in ActionClass)]
        self._offer("type", [("", "all"), *_grouped(self.types)])
        self._offer("actor", kinds)
        self._offer("decision", list(DECISIONS))
        self._offer("action_class", classes)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        others = [name for name in said if name not in {"q", "since", "until"} and said[name]]
        if said.get("q", "").endswith("*") and others:
            self.add_error("q", "The beginning of a trace goes with times alone.")
        if said.get("since") and said.get("until") and said["since"] > said["until"]:
            self.add_error("until", "It is before the other one.")
        return said

    @property
    def narrowed(self) -> bool:
        """Whether anything is asked for beside a trace."""
        return any(
            value for name, value in self.data.items() if name in self.fields and name != "q"
        )

    def asked(self) -> tuple[Filter, list[str]]:
        """What is valid as a filter, and the texts that events must hold."""
        said = {
            name: storable(value) if isinstance(value, str) else value
            for name, value in self.cleaned_data.items()
        }
        trace, begins = said["q"].removesuffix("*"), said["q"].endswith("*")
        asked = Filter(
            trace_id="" if begins else trace,
            trace_id_prefix=trace if begins else "",
            session_id=said["session"],
            types=self._types(said["type"], said["decision"]),
            actors=[said["actor"]] if said["actor"] else [],
            agent=said["agent"],
            action_class=said["action_class"],
            since=said["since"],
            until=said["until"],
        )
        says = [quoted(said["says"])] if said["says"] else []
        says += [f'"{quoted(said["tool"])}"'] if said["tool"] else []
        return asked, says + ([BY_POLICY] if said["decision"] == "policy" else [])

    def _types(self, chosen: str, decision: str) -> list[str]:
        """The types to look for; none: all of them."""
        wanted = [chosen] if chosen else []
        if chosen.startswith(ANY):
            wanted = [kind for kind in self.types if _group(kind) == chosen.removeprefix(ANY)]
        of_decision = {"people": BY_PEOPLE, "policy": JUDGED, "door": AT_THE_DOOR}
        if decision:
            allowed = of_decision.get(decision, ())
            wanted = [kind for kind in allowed if not chosen or kind in wanted]
        return wanted or ([NOTHING] if chosen or decision else [])

    def _offer(self, name: str, choices: list[Any]) -> None:
        """The choices of a field, and what the address says though it is none of them."""
        said = str(self.data.get(name, ""))
        known = {value for each in choices for value in _values(each)}
        if said and said not in known:
            choices.append((said, visible(said)))
        self.fields[name].widget = forms.Select(choices=choices)


def types_in_use() -> list[str]:
    """The types of event that occur."""
    with connection.cursor() as cursor:
        cursor.execute(TYPES_IN_USE)
        return [name for (name,) in cursor.fetchall()]


def _grouped(types: Sequence[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    found = []
    for group in GROUPS:
        own = [(kind, visible(kind)) for kind in types if _group(kind) == group]
        if own:
            found.append((group, [(f"{ANY}{group}", f"any of: {group.lower()}"), *own]))
    return found


def _group(kind: str) -> str:
    return next(group for group, begins in GROUPS.items() if kind.startswith(begins))


def _values(choice: tuple[str, Any]) -> list[str]:
    value, words = choice
    return [value] if isinstance(words, str) else [each for each, _ in words]

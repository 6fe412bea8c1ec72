"""What would be decided of a supposed request, and whether the cases of a document hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from governance.admin.base import Words, focus_on_error
from governance.admin.policies.rules import EFFECTS
from governance.inventory import InventoryRefused
from governance.models import PolicyVersion
from governance.policy import cases, current
from governance.policy.diff import outcome_words
from governance.policy.engine import CompiledPolicy
from governance.policy.loader import load
from governance.policy.nodes import PolicyRefused
from governance.policy.question import Question, listed
from governance.policy.types import Effect
from governance.types import ActionClass, Impact

WORD_CHARS: Final = 200
MOST_COUNT: Final = 10**9
CASES_CHARS: Final = 256 * 1024
BESIDE: Final = "cases"


class Word(forms.CharField):
    """A short text that may be left out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=options.pop("required", False), max_length=WORD_CHARS, **options)


class Count(forms.IntegerField):
    """How many, where that is known."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, min_value=0, max_value=MOST_COUNT, **options)


class QuestionForm(forms.Form):
    """The words of `manage.py policy explain`."""

    action = forms.ChoiceField(choices=[(one, one) for one in ActionClass])
    type = Word(required=True, help_text="database, kubernetes, host, file, repository, ticket …")
    name = Word(required=True, help_text="Of the resource.")
    tool = Word()
    user = Word(help_text="Somebody of ours has their role, unless one is named.")
    service = Word(help_text="Instead of a user: an agent or another program.")
    role = Word(label="Roles", help_text="A comma list.")
    purpose = Word()
    namespace = Word()
    tags = Word(help_text="A comma list. Left out: those of the inventory.")
    sensitivity = Word(help_text="A comma list.")
    rows = Count(label="Rows affected")
    pods = Count(label="Pods affected")
    xact_age_secs = Count(label="Open transaction (s)")
    at = Word(label="At", help_text="2026-03-06T17:00:00+01:00. Left out: now.")

    def clean_at(self) -> Any:
        """An aware moment, or None."""
        text = self.cleaned_data["at"]
        try:
            return cases.moment(text) if text else None
        except ValueError:
            raise ValidationError("A moment such as 2026-03-06T17:00:00+01:00.") from None

    def question(self) -> Question:
        """What is asked; the form is valid."""
        said = self.cleaned_data
        return Question(
            type=said["type"],
            name=said["name"],
            action=ActionClass(said["action"]),
            tags=listed(said["tags"]) if said["tags"] else None,
            sensitivity=listed(said["sensitivity"]),
            roles=listed(said["role"]),
            impact=Impact(rows=said["rows"], pods=said["pods"], xact_age_s=said["xact_age_secs"]),
            at=said["at"],
            **{key: said[key] for key in ("tool", "user", "service", "purpose", "namespace")},
        )

    @property
    def always(self) -> Sequence[forms.BoundField]:
        """The fields that most questions need."""
        return [self[name] for name in ("action", "type", "name", "tool", "user", "role")]

    @property
    def more(self) -> Sequence[forms.BoundField]:
        """The others, folded."""
        shown = {field.name for field in self.always}
        return [field for field in self if field.name not in shown]

    @property
    def unfolded(self) -> bool:
        """Whether one of the folded ones was filled in, or is wrong."""
        return any(field.errors or field.value() for field in self.more)


def ask(request: HttpRequest, version: PolicyVersion | None) -> dict[str, Any]:
    """The page: the form, and with a question in the query its answers.

    `version` is asked beside the policy in force.
    """
    asked = request.GET if "type" in request.GET else None
    form = QuestionForm(asked)
    context: dict[str, Any] = {"form": form, "of": request.GET.get("of", ""), "version": version}
    if asked is None or not form.is_valid():
        return {**context, "form": focus_on_error(form)}
    try:
        question = form.question().request()
    except InventoryRefused as refused:
        form.add_error(None, str(refused))
        return context
    policies = [current.policy()]
    if version is not None and version.digest != policies[0].version:
        policies.append(_compiled(version))
    return {**context, "answers": [_answer(policy, question) for policy in policies]}


def _answer(policy: CompiledPolicy, question: Any) -> dict[str, Any]:
    trace = current.explain(policy, question)
    decision = policy.decide(question)
    effect, badge = EFFECTS[Effect(trace["decision"]["effect"])]
    return {
        "source": policy.source,
        "version": policy.version[:12],
        "in_force": policy.version == current.version(),
        "effect": effect,
        "badge": badge,
        "outcome": outcome_words(decision),
        "decision": trace["decision"],
        "explanation": trace["explanation"],
    }


class CasesForm(forms.Form):
    """What is in `FILE.tests.yaml` beside the file."""

    text = Words(label="Cases (YAML)", required=True, rows=16, max_length=CASES_CHARS, strip=False)


def cases_of(request: HttpRequest, version: PolicyVersion) -> dict[str, Any]:
    """The page: the form, and once it was sent what came of each case. Nothing is kept."""
    context: dict[str, Any] = {"version": version, "key": version.pk or current.BUILT_IN}
    if request.method != "POST":
        return {**context, "form": CasesForm()}
    form = CasesForm(request.POST)
    if not form.is_valid():
        return {**context, "form": focus_on_error(form)}
    try:
        policy = _compiled(version)
        asked = cases.load_cases(form.cleaned_data["text"], BESIDE)
    except PolicyRefused as refused:
        return {**context, "form": form, "faults": str(refused).splitlines()}
    results = list(cases.run(policy, asked))
    return {
        **context,
        "form": form,
        "ran": len(results),
        "wrong": [result for result in results if result.wrong],
        "uncovered": cases.uncovered(policy, results),
    }


def _compiled(version: PolicyVersion) -> CompiledPolicy:
    """Raises `PolicyRefused`."""
    document = load(version.text, version.source)
    return CompiledPolicy(document, source=version.source, options=current.configured())

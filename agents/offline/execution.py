"""From a draft to a plan, and from an approved plan to a pushed branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.offline import diagnosis
from agents.offline.diagnosis import TRIAGE
from agents.offline.layout import Repository
from agents.offline.outcome import Draft
from agents.offline.steps import (
    COMMIT,
    DELETE,
    MERGE,
    PREVIEW,
    PUSH,
    RESOLVE,
    REVERT,
    STAGE,
    SYNC,
    WAIT,
    WRITE,
    Call,
    Step,
    attempt,
    give_up,
)
from agents.offline.transcript import Exchange, Transcript, facts
from agents.offline.values import shown

MAX_TEXT = 2000  # characters of a plan's summary or step
MAX_SUMMARY = 4000
MAX_REASON = 600  # of what Argo CD says is wrong
HEALTHY = "Healthy"  # begins what a wait answers that has found everything well
UNSEEN = "I did not look at whether the cluster has taken it over."
FINISHING = (STAGE, COMMIT, PUSH)
WATCHING = (MERGE, WAIT)


@dataclass(frozen=True, slots=True)
class Work:
    """A draft on its way into the repository, and where it is `watched` into the cluster.

    `tried`: the branch runs there before it is merged. `diagnosed`: what is ill there is looked at
    before it is taken back.
    """

    talk: Transcript
    repository: Repository
    draft: Draft
    watched: bool = False
    tried: bool = False
    diagnosed: bool = False

    @property
    def target(self) -> dict[str, str | None]:
        """Path -> text to reach, None for deleted.

        What an earlier plan of this attempt wrote and the draft does not touch is put back.
        """
        old = self.repository.texts
        back = {p: old.get(p) for p in touched(self.talk) if p not in self.draft.files}
        return {**self.draft.files, **back}

    def plan(self) -> dict[str, Any]:
        """The arguments of `submit_plan`: a step for each file, then stage, commit and push."""
        steps = [self._step(path, text) for path, text in self.target.items()]
        used = list(dict.fromkeys(step["tool"] for step in steps))
        steps += [
            {"description": "Stage the changes", "tool": STAGE},
            {"description": f"Commit them: {self.draft.subject}", "tool": COMMIT},
            {"description": "Push the ticket's branch", "tool": PUSH},
        ]
        risks = list(self.draft.risks)
        if self.tried:
            steps += [
                {"description": "Let Argo CD run the branch first", "tool": PREVIEW},
                {"description": "Wait until the preview is healthy", "tool": WAIT},
            ]
        if self.watched:
            steps += [
                {"description": "Merge it, so that Argo CD takes it over", "tool": MERGE},
                {"description": "Wait until the application is healthy", "tool": WAIT},
            ]
            risks.append("If the application does not become healthy, the merge is reverted.")
        return {
            "summary": self.draft.summary[:MAX_TEXT],
            "steps": steps,
            "estimatedTools": [*used, *FINISHING, *self._cluster_tools()],
            "risks": risks,
        }

    def _cluster_tools(self) -> list[str]:
        """Syncing too: where nobody does it by itself, it is found out after the merge."""
        return [*((PREVIEW,) if self.tried else ()), *((*WATCHING, SYNC) if self.watched else ())]

    def _step(self, path: str, text: str | None) -> dict[str, str]:
        exists = path in self.repository.paths
        verb = "Delete" if text is None else "Change" if exists else "Create"
        note = self.draft.notes.get(path) or "as it was before the first plan"
        tool = DELETE if text is None else WRITE
        return {"description": f"{verb} {path}: {note}"[:MAX_TEXT], "tool": tool, "path": path}

    def execute(self, *, after: int) -> Step:
        """The next step of a plan that was approved in call `after`."""
        writes = [_call(p, text) for p, text in self.target.items() if self._now(p) != text]
        if writes:
            count = f"{len(writes)} file{'' if len(writes) == 1 else 's'}"
            why = f"The plan is approved: I change {count}."
            return attempt(self.talk, why, writes, after=after)
        return self._finish(after)

    def _now(self, path: str) -> str | None:
        """What a file holds at present: what was last written, else what was read."""
        for exchange in reversed(self.talk.present):
            if not exchange.failed and exchange.arguments.get("path") == path:
                if exchange.tool == WRITE:
                    return str(exchange.arguments.get("content"))
                if exchange.tool == DELETE:
                    return None
        unread = "" if path in self.repository.paths else None
        return self.repository.texts.get(path, unread)

    def _finish(self, after: int) -> Step:
        """Stage, commit, push, resolve: one a reply, each on the success of the one before."""
        talk = self.talk
        done = max(
            [after, *(e.number for t in (WRITE, DELETE) for e in talk.of(t) if not e.failed)]
        )
        for why, call in (
            ("The files are written; I stage them.", (STAGE, {"files": ["."]})),
            ("I commit what is staged.", (COMMIT, {"message": self.draft.subject})),
            ("I push the branch.", (PUSH, {})),
        ):
            made = talk.last(call[0], after=done)
            if made is None:
                return attempt(talk, why, [call], after=after)
            done = made.number
        if self.tried and (step := self._try(done)):
            return step
        if self.watched:
            return self._watch(done)
        summary = f"{_summary(talk, self.target, after)} {UNSEEN}"
        return attempt(talk, "Everything in the plan is done.", [(RESOLVE, {"summary": summary})])

    def _try(self, pushed: int) -> Step | None:
        """Run the branch before it is merged; None once it was seen healthy, or is merged."""
        talk = self.talk
        if talk.last(MERGE, after=pushed) is not None:
            return None
        begun = talk.last(PREVIEW, after=pushed)
        if begun is None:
            why = "It is pushed; I let Argo CD run the branch before I merge it."
            return attempt(talk, why, [(PREVIEW, {})], after=pushed)
        seen = talk.last(WAIT, after=begun.number)
        if seen is None:
            why = "I wait until the preview is healthy."
            return attempt(talk, why, [(WAIT, {})], after=begun.number)
        if step := self._synced(seen, begun.number):
            return step
        if seen.result.startswith(HEALTHY):
            return None
        told = shown(seen.result, limit=MAX_REASON)
        return give_up(f"The change does not become healthy, so it is not merged: {told}")

    def _synced(self, seen: Exchange, after: int) -> Step | None:
        """Where nobody syncs by itself, I do, once; then it is waited for again."""
        talk = self.talk
        synced = talk.last(SYNC, after=after)
        if synced is None and SYNC in seen.result:
            prune = {"prune": True} if f"{SYNC} with prune" in seen.result else {}
            told = "Nobody syncs it by itself, so I do."
            return attempt(talk, told, [(SYNC, prune)], after=after)
        if synced is not None and seen.number < synced.number:
            why = "I wait for what the sync brings."
            return attempt(talk, why, [(WAIT, {})], after=synced.number)
        return None

    def _watch(self, pushed: int) -> Step:
        """Merge, wait, and resolve; or take it back when it does not become healthy."""
        talk = self.talk
        merged = talk.last(MERGE, after=pushed)
        if merged is None:
            call = (MERGE, {"summary": self.draft.subject})
            return attempt(talk, "It is pushed; I merge it.", [call], after=pushed)
        taken_back = talk.last(REVERT, after=merged.number)
        if taken_back is not None:
            return self._after_revert(merged.number, taken_back.number)
        seen = talk.last(WAIT, after=merged.number)
        if seen is None:
            why = "It is merged; I wait until the cluster runs it."
            return attempt(talk, why, [(WAIT, {})], after=merged.number)
        if step := self._synced(seen, merged.number):
            return step
        if not seen.result.startswith(HEALTHY):
            return self._take_back(seen, merged.number)
        summary = f"{_summary(talk, self.target, -1)} {shown(seen.result, limit=MAX_REASON)}"
        return attempt(
            talk, "The cluster runs it.", [(RESOLVE, {"summary": summary[:MAX_SUMMARY]})]
        )

    def _take_back(self, ill: Exchange, merged: int) -> Step:
        """Look for the cause once; found or not, the merge is reverted then."""
        wish = diagnosis.of_ailing(ill.result) if self.diagnosed else None
        if wish is not None and not self.talk.of(TRIAGE, after=ill.number):
            return Step("It does not become healthy; I look for the cause.", ((TRIAGE, wish),))
        why = f"{self.draft.subject}: {self._ailment(ill)}"
        told = "It does not become healthy, so I take it back."
        return attempt(self.talk, told, [(REVERT, {"reason": why})], after=merged)

    def _ailment(self, ill: Exchange) -> str:
        """What Argo CD says is wrong, and the cause where triage found one."""
        said = shown(ill.result, limit=MAX_REASON)
        looked = self.talk.last(TRIAGE, after=ill.number)
        found = diagnosis.told(looked) if looked else None
        if found is None or found.healthy:
            return said
        return f"{said.rstrip('. ')}. The cause: {shown(found.answer, limit=MAX_REASON)}"

    def _after_revert(self, merged: int, reverted: int) -> Step:
        talk = self.talk
        broken = talk.last(WAIT, after=merged)
        again = talk.last(WAIT, after=reverted)
        if again is None:
            why = "It is taken back; I wait until the cluster is as it was."
            return attempt(talk, why, [(WAIT, {})], after=reverted)
        first = talk.of(WAIT, after=merged)[0] if broken else None
        reason = f" {self._ailment(first).rstrip('. ')}." if first else ""
        after = shown(again.result, limit=MAX_REASON)
        taken_back = "The change was taken back, for it did not become healthy."
        return give_up(f"{taken_back}{reason} After the revert: {after}")


def touched(talk: Transcript) -> list[str]:
    """Paths that this attempt has written or deleted."""
    done = [e for e in talk.present if e.tool in (WRITE, DELETE) and not e.failed]
    return list(dict.fromkeys(str(e.arguments.get("path")) for e in done))


def left_over(talk: Transcript) -> bool:
    """True when an attempt before this one wrote files and did not push them."""
    past = [e for e in talk.exchanges[: talk.since] if not e.failed]
    written = max((e.number for e in past if e.tool in (WRITE, DELETE)), default=-1)
    return written > max((e.number for e in past if e.tool == PUSH), default=-1)


def _call(path: str, text: str | None) -> Call:
    return (DELETE, {"path": path}) if text is None else (WRITE, {"path": path, "content": text})


def _summary(talk: Transcript, target: Mapping[str, str | None], after: int) -> str:
    """What the tools reported, and no more."""
    written = ", ".join(path for path, text in target.items() if text is not None)
    deleted = ", ".join(path for path, text in target.items() if text is None)
    sha = shown(str(facts(talk.last(COMMIT, after=after)).get("sha", "")))
    branch = shown(str(facts(talk.last(PUSH, after=after)).get("branch", "")))
    parts = [
        f"Wrote {written}." if written else "",
        f"Deleted {deleted}." if deleted else "",
        f"Committed{f' as {sha}' if sha else ''} and pushed{f' to {branch}' if branch else ''}.",
    ]
    return " ".join(filter(None, parts))[:MAX_SUMMARY]

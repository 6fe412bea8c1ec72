"""The files a commit, a push or a merge would bring, as text for the checks.

Everything is read from Git's objects, not from the worktree: what was checked is what is committed,
even when somebody writes to the files at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from agents.gitops import checks
from agents.gitops.clone import Clone
from agents.gitops.failures import ChecksFailed
from agents.gitops.git import Output
from agents.gitops.issues import Issue
from agents.gitops.policy import INHERITED

MAX_CHECKED = 5 << 20  # bytes of one file
_LINK, _SUBMODULE = "120000", "160000"
_RAW = ("-r", "-z", "--no-renames", "--raw", "--no-abbrev")
_HIDDEN_RULES = ("secrets.", "kubernetes.secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path that differs; `blob` is None for a deleted file."""

    path: str
    mode: str
    blob: str | None


def changed(clone: Clone, old: str, new: str) -> list[Change]:
    """What is different in the tree or commit `new`; a rename is a deletion and an addition."""
    return _changes(clone.run("diff-tree", *_RAW, old, new))


def _changes(output: Output) -> list[Change]:
    """Reads `diff-tree -z --raw`: a head and a path by turns, and commit ids between them."""
    fields = iter(output.names)
    changes = []
    for head in fields:
        if head.startswith(":"):
            _, mode, _, blob, status = head.split(" ")
            path = next(fields)
            gone = status.startswith("D")
            changes.append(Change(path=path, mode=mode, blob=None if gone else blob))
    return changes


def require_clean(doing: str, issues: Iterable[Issue]) -> None:
    """Raises `ChecksFailed` when an error is among `issues`."""
    found = list(issues)
    if checks.errors(found):
        raise ChecksFailed(doing, found)


def inspect(clone: Clone, changes: Sequence[Change], old: str, new: str) -> list[Issue]:
    """Issues of the changed files of the tree or commit `new`, which was `old` before."""
    issues = [issue for change in changes for issue in _kind_of_entry(change)]
    plain = [change for change in changes if change.blob and change.mode not in (_LINK, _SUBMODULE)]
    files, unreadable = _texts(clone, {change.path: change.blob or "" for change in plain})
    tree = _TreeReader(clone, new)
    found = checks.check_files(
        files,
        exists=tree.exists,
        read=tree.read,
        removed=[change.path for change in changes if change.blob is None],
        policy=clone.policy,
    )
    return [*issues, *unreadable, *tolerated(clone, found, old)]


def tolerated(clone: Clone, issues: Sequence[Issue], old: str) -> list[Issue]:
    """The issues; what the policy refuses and the file had in `old` already is but a warning."""
    asked = {i.file for i in checks.errors(issues) if i.rule.startswith(INHERITED)}
    tree = _TreeReader(clone, old)
    files = {path: text for path in asked if (text := tree.read(path)) is not None}
    if not files:
        return list(issues)
    before = checks.check_files(files, exists=tree.exists, read=tree.read, policy=clone.policy)
    known = {(i.file, i.rule, i.message) for i in before if i.rule.startswith(INHERITED)}
    return [
        replace(i, severity="warning") if (i.file, i.rule, i.message) in known else i
        for i in issues
    ]


def inspect_history(clone: Clone, changes: Sequence[Change], base: str, head: str) -> list[Issue]:
    """Credentials in what `base..head` brings besides the final `changes`.

    That is older versions of files, and messages: a push makes them public all the same.
    """
    final = {change.blob for change in changes}
    commits, messages = _commits(clone, base, head)
    steps = clone.run("diff-tree", "--stdin", "--root", *_RAW, stdin=_lines(commits))
    older = {
        f"{step.path} (in {step.blob[:7]})": step.blob
        for step in _changes(steps)
        if step.blob and step.blob not in final and step.mode not in (_LINK, _SUBMODULE)
    }
    texts, _ = _texts(clone, older)
    found = [
        issue
        for name, text in texts.items()
        for issue in checks.check_files({name.partition(" (in ")[0]: text})
        if issue.rule.startswith(_HIDDEN_RULES)
    ]
    return [*found, *checks.scan_secrets("commit message", messages)]


def _commits(clone: Clone, base: str, head: str) -> tuple[list[str], str]:
    """Ids of the commits of `base..head`, and all messages one after the other.

    Merges are left out of the ids: what they bring was in one of their sides.
    """
    entries = clone.run("log", "-z", "--format=%H %P%n%B", f"{base}..{head}").names
    parts = [entry.partition("\n") for entry in entries]
    family = [ids.split() for ids, _, _ in parts]
    plain = [ids[0] for ids in family if len(ids) <= 2]  # noqa: PLR2004  itself and one parent
    return plain, "\n".join(message for _, _, message in parts)


def _kind_of_entry(change: Change) -> Iterator[Issue]:
    if change.blob and change.mode in (_LINK, _SUBMODULE):
        what = "a symbolic link" if change.mode == _LINK else "a submodule"
        yield _issue(change.path, f"is {what}; only plain files are committed", "entry")


def _issue(path: str, message: str, rule: str) -> Issue:
    return Issue(severity="error", message=message, file=path, rule=f"files.{rule}")


def _texts(clone: Clone, blobs: dict[str, str]) -> tuple[dict[str, str], list[Issue]]:
    """(name -> text, issues of those that cannot be read as text) of name -> blob id."""
    if not blobs:
        return {}, []
    sizes = _sizes(clone, set(blobs.values()))
    fitting = {blob for blob, size in sizes.items() if size <= MAX_CHECKED}
    contents = _contents(clone, sorted(fitting))
    texts, issues = {}, []
    for name, blob in blobs.items():
        if blob in contents:
            texts[name] = contents[blob].decode(errors="replace")
            if name.endswith((".yaml", ".yml", ".json")) and not _is_utf8(contents[blob]):
                issues.append(_issue(name, "is not UTF-8 text", "encoding"))
        elif blob in sizes:
            issues.append(_issue(name, f"is larger than {MAX_CHECKED} bytes", "size"))
    return texts, issues


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _sizes(clone: Clone, blobs: set[str]) -> dict[str, int]:
    """Size of each id that is a blob; trees and what is missing are left out."""
    lines = clone.run("cat-file", "--batch-check", stdin=_lines(blobs)).text.splitlines()
    words = (line.split(" ") for line in lines)
    return {word[0]: int(word[2]) for word in words if len(word) > 2 and word[1] == "blob"}  # noqa: PLR2004  id kind size


def _contents(clone: Clone, blobs: list[str]) -> dict[str, bytes]:
    data = clone.run("cat-file", "--batch", stdin=_lines(blobs)).stdout
    contents = {}
    at = 0
    for _ in blobs:
        end = data.index(b"\n", at)
        blob, _, size = data[at:end].decode().split(" ")
        contents[blob] = data[end + 1 : end + 1 + int(size)]
        at = end + 2 + int(size)
    return contents


def _lines(ids: Iterable[str]) -> bytes:
    return "".join(f"{blob}\n" for blob in ids).encode()


@dataclass(slots=True)
class _TreeReader:
    """Looks up other files of a tree; the list of paths is asked for once, when needed."""

    clone: Clone
    tree: str
    _paths: set[str] | None = field(default=None)

    def exists(self, path: str) -> bool:
        if self._paths is None:
            output = self.clone.run("ls-tree", "-r", "-z", "--name-only", self.tree)
            self._paths = set(output.names)
        return path in self._paths

    def read(self, path: str) -> str | None:
        if not self.exists(path):
            return None
        output = self.clone.run("cat-file", "blob", f"{self.tree}:{path}", accept=(0, 128))
        return output.stdout.decode(errors="replace") if output.status == 0 else None

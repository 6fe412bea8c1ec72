"""Runs `cdk8s synth` in the sandbox of shell_exec: no network, the repository read-only, limits.

The manifests are written to the sandbox's own memory and come out as a tar stream.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.cdk8s.project import Project
from agents.runtime.tool import ToolFailure
from agents.shell import bubblewrap
from agents.shell.bubblewrap import Limits, Mount
from aura.config import Settings
from aura.kernel.secrets import redact

MAX_OUTPUT: Final = 8 << 20  # bytes of all manifests together
MAX_FILES: Final = 500
MAX_TOLD: Final = 4000  # characters of what the program said
# The words are ours, so the shell sees nothing of the repository's.
_SCRIPT: Final = (
    'PATH="$PWD/node_modules/.bin:$PATH";'
    " cdk8s synth --output /tmp/manifests --no-check-upgrade --no-validate >&2"
    " && tar -C /tmp/manifests -cf - ."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesised:
    """File name below the output folder -> text; `errors` is what was said where it failed."""

    manifests: dict[str, str]
    errors: tuple[str, ...] = ()


def synthesise(
    project: Project, worktree: Path, mounts: list[Mount], config: Settings
) -> Synthesised:
    """Run the project's program. Raises `ToolFailure` where no sandbox can be had."""
    bubblewrap.check(config.shell_bwrap, directory=worktree)
    limits = Limits(
        seconds=config.shell_timeout_s, memory_mb=config.shell_memory_mb, output=MAX_OUTPUT
    )
    ended = bubblewrap.run(
        config.shell_bwrap,
        ["sh", "-c", _SCRIPT],
        directory=worktree,
        cwd=project.home,
        limits=limits,
        mounts=mounts,
    )
    if ended.cut:
        raise ToolFailure(f"the manifests are larger than {MAX_OUTPUT >> 20} MiB together")
    if ended.code is None:
        raise ToolFailure(f"cdk8s took longer than {limits.seconds} s (AURA_SHELL_TIMEOUT_S)")
    if ended.code:
        said = redact(ended.stderr.decode(errors="replace")).strip()[-MAX_TOLD:]
        return Synthesised(manifests={}, errors=(said or f"cdk8s ended with code {ended.code}",))
    return Synthesised(manifests=read(ended.stdout))


def read(stream: bytes) -> dict[str, str]:
    """The plain files of a tar stream; nothing is unpacked.

    The project's own program may have made the stream: neither compression nor holes are followed,
    by which a little becomes more than the memory holds.
    """
    found: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(stream), mode="r:") as archive:
            for member in archive:
                if member.issparse():
                    raise tarfile.TarError(f"{member.name} has holes")  # noqa: TRY301 - told below
                content = archive.extractfile(member) if member.isfile() else None
                if content and member.name.endswith((".yaml", ".yml", ".json")):
                    name = member.name.removeprefix("./")
                    found[name] = content.read().decode(errors="replace")
                if len(found) > MAX_FILES:
                    raise ToolFailure(f"cdk8s made more than {MAX_FILES} files")
    except tarfile.TarError:
        raise ToolFailure("what cdk8s made could not be read") from None
    return dict(sorted(found.items()))

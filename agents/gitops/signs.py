"""How the words of git become a typed failure with advice."""

from __future__ import annotations

from typing import TypeAlias

from agents.gitops import failures
from agents.runtime.tool import ToolFailure

# The first row with a sign in what git wrote decides. LC_ALL=C keeps git to English.
Signs: TypeAlias = tuple[tuple[type[ToolFailure], str, tuple[str, ...]], ...]
LOCAL: Signs = (
    (
        failures.GitBusy,
        "another git is at work in the same place: try again",
        ("index.lock", "Unable to create '", "cannot lock ref"),
    ),
    (
        failures.DiskFull,
        "the disk of the workspace is full: the operator makes room (AURA_GIT_WORKING_DIR)",
        ("No space left on device",),
    ),
)
REMOTE: Signs = (
    (
        failures.NonFastForward,
        "the remote branch has commits that are missing here: call git_fetch, then git_rebase",
        (
            "non-fast-forward",
            "fetch first",
            "stale info",
            "incorrect old value",
            "failed to update ref",
            "(cannot lock ref",
            "reference already exists",
        ),
    ),
    (
        failures.RemoteRefused,
        "the remote refused the push by a rule of its own: do not repeat it, tell a human",
        ("hook declined", "[remote rejected]", "protected branch", "pre-receive"),
    ),
    (
        failures.BranchMissing,
        "the repository has no such branch",
        ("couldn't find remote ref", "no matching remote head"),
    ),
    (
        failures.AccessDenied,
        "the Git remote does not accept Aura's credentials: the operator checks them (AURA_GIT_*)",
        (
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "returned error: 401",
            "returned error: 403",
            "Permission denied",
            "Host key verification failed",
            "access denied",
            "detected dubious ownership",
        ),
    ),
    (
        failures.RepositoryMissing,
        "no Git repository is at the configured address: the operator checks AURA_GIT_REPO_URL",
        (
            "does not appear to be a git repository",
            "Repository not found",
            "returned error: 404",
            "' not found",
        ),
    ),
    (
        failures.RemoteUnavailable,
        "the Git remote does not answer properly: try again later",
        (
            "Could not resolve host",
            "Failed to connect",
            "Couldn't connect",
            "Connection refused",
            "Connection reset",
            "Connection closed",
            "timed out",
            "Network is unreachable",
            "No route to host",
            "Name or service not known",
            "Temporary failure in name resolution",
            "Empty reply from server",
            "early EOF",
            "hung up unexpectedly",
            "unexpected disconnect",
            "RPC failed",
            "returned error: 429",
            "returned error: 5",
            "handshake failed",
            "Recv failure",
            "Send failure",
        ),
    ),
    *LOCAL,
)

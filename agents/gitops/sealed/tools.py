"""`sealed_secret_create` and `sealed_secret_update`: they are told keys, never values.

A call whose values are missing waits as a question does; a person enters them in a form or over the
API, they are sealed in memory, written as a SealedSecret, and erased.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, field_validator

from agents.gitops.jail import PathRefused, normalise
from agents.gitops.sealed import certificate, manifest
from agents.gitops.sealed.certificate import Certificate
from agents.gitops.sealed.sealing import Scope, label, seal
from agents.gitops.sealed.vault import DECLINE, SecretName, Vault
from agents.gitops.workspace import Workspace
from agents.gitops.worktree import Worktree
from agents.runtime.tool import (
    Arguments,
    CallContext,
    Inspection,
    Suspended,
    Tool,
    ToolFailure,
    ToolResult,
)
from agents.types import WaitKind
from aura.config import Settings
from governance.types import ActionClass, Resource

CREATE, UPDATE = "sealed_secret_create", "sealed_secret_update"
MAX_KEYS: Final = 64
_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

Key = Annotated[str, Field(pattern=r"^[-._A-Za-z0-9]{1,253}$")]


class SealedArguments(Arguments):
    name: str = Field(
        pattern=rf"^{_LABEL}(\.{_LABEL})*$", max_length=253, description="name of the Secret"
    )
    namespace: str = Field(
        pattern=rf"^{_LABEL}$", max_length=63, description="namespace of the Secret"
    )
    keys: tuple[Key, ...] = Field(
        min_length=1,
        max_length=MAX_KEYS,
        description="names of the values, e.g. password; a person enters the values themselves",
    )
    path: str = Field(
        max_length=1024, description="YAML file of the repository that holds the manifest"
    )

    @field_validator("keys")
    @classmethod
    def _once(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(keys)) < len(keys):
            raise ValueError("a key is there twice")
        return keys

    @property
    def secret(self) -> SecretName:
        return SecretName(self.namespace, self.name)


class CreateArguments(SealedArguments):
    scope: Scope = Field(
        default=Scope.STRICT, description="strict: this name and namespace alone can use the values"
    )
    type: str = Field(
        default="Opaque",
        pattern=r"^[A-Za-z0-9][-A-Za-z0-9./]{0,252}$",
        description="type of the Secret, e.g. kubernetes.io/tls",
    )


class UpdateArguments(SealedArguments):
    """The scope is that of the manifest."""


def sealed_tools(
    workspace: Workspace, ticket_id: str, vault: Vault, config: Settings
) -> list[Tool]:
    """The tools, bound to one ticket's worktree and the values entered for it."""
    desk = _Desk(workspace, ticket_id, vault, config)
    return [
        desk.tool(
            CREATE,
            "Write a new SealedSecret. Name the keys; a person is asked for the values, which you"
            " never see. Add the file to its kustomization, then stage and commit it.",
            CreateArguments,
            desk.create,
            ActionClass.WRITE,
        ),
        desk.tool(
            UPDATE,
            "Replace or add values of a SealedSecret that is in the repository; its other keys"
            " stay. A person is asked for the values. Needs an approval.",
            UpdateArguments,
            desk.update,
            ActionClass.DESTRUCTIVE,  # the values that it replaces are gone
        ),
    ]


Write = Callable[[Any, Worktree, Certificate, Mapping[str, str]], str]


@dataclass(frozen=True, slots=True)
class _Desk:
    workspace: Workspace
    ticket_id: str
    vault: Vault
    config: Settings

    def tool(
        self,
        name: str,
        description: str,
        parameters: type[SealedArguments],
        write: Write,
        action_class: ActionClass,
    ) -> Tool:
        def run(said: SealedArguments, context: CallContext) -> ToolResult | Suspended:
            worktree = self.workspace.open(self.ticket_id)
            _fitting(said, worktree)
            found = certificate.configured(self.config, name)
            values = self.vault.values(said.secret)
            if missing := [key for key in said.keys if key not in values]:
                return self._asked(said, missing)
            text = write(said, worktree, found, {key: values[key] for key in said.keys})
            worktree.jail.write_text(said.path, text)
            self.vault.forget(said.secret, said.keys, call_id=context.call_id)
            return _done(said)

        def probe(said: SealedArguments, context: CallContext) -> ToolResult | None:
            """The values are erased last, so where they are this call was not through."""
            through = self.vault.sealed_by(context.call_id) >= set(said.keys)
            return _done(said) if through else None

        def inspect(said: SealedArguments, context: CallContext) -> Inspection:
            del context
            worktree = self.workspace.open(self.ticket_id)
            there = _fitting(said, worktree)
            found = certificate.configured(self.config, name)
            return Inspection(plan=_plan(said, there, found))

        return Tool(
            name=name,
            description=description,
            parameters=parameters,
            run=run,
            action_class=action_class,
            resource=_file,
            check=_check,
            probe=probe,
            inspect=inspect,
            alone=True,
        )

    def create(
        self, said: CreateArguments, _: Worktree, found: Certificate, values: Mapping[str, str]
    ) -> str:
        sealed = _sealed(said, values, found, said.scope)
        return manifest.made(said.secret, sealed, scope=said.scope, kind=said.type)

    def update(
        self, said: UpdateArguments, tree: Worktree, found: Certificate, values: Mapping[str, str]
    ) -> str:
        text = tree.jail.read_text(said.path).text
        scope = manifest.scope_of(text, said.secret)
        return manifest.updated(text, said.secret, _sealed(said, values, found, scope))

    def _asked(self, said: SealedArguments, missing: Collection[str]) -> Suspended:
        secret = said.secret
        question = (
            f"Enter the values of {', '.join(missing)} for the secret {secret}:"
            f" {self.vault.where(secret)}. They are sealed for the cluster and shown to nobody."
            f" Do not write them into an answer; the only answer here is {DECLINE!r}."
        )
        wanted = {"namespace": secret.namespace, "name": secret.name, "keys": list(missing)}
        detail = {"question": question, "options": [DECLINE], "secret": wanted}
        return Suspended(kind=WaitKind.QUESTION, detail=detail)


def _check(said: SealedArguments) -> None:
    if not normalise(said.path).endswith((".yaml", ".yml")):
        raise ToolFailure(f"{said.path} is no YAML file; name one, e.g. apps/shop/db-secret.yaml")


def _file(said: SealedArguments) -> Resource:
    try:
        return Resource(type="file", name=normalise(said.path))
    except PathRefused:
        return Resource(type="file", name=said.path)  # the call fails when it runs


def _fitting(said: SealedArguments, worktree: Worktree) -> list[str]:
    """The keys that the file holds already. Raises `ToolFailure` where the call cannot work."""
    if isinstance(said, UpdateArguments):
        return manifest.keys_of(worktree.jail.read_text(said.path).text, said.secret)
    # A file that was never committed is this ticket's own, perhaps of this call before a crash.
    path = normalise(said.path)
    if worktree.jail.exists(path) and path not in worktree.status().created:
        raise ToolFailure(
            f"{path} exists; change a SealedSecret in it with {UPDATE}, or choose a new file"
        )
    return []


def _sealed(
    said: SealedArguments, values: Mapping[str, str], found: Certificate, scope: Scope
) -> dict[str, str]:
    bound_to = label(scope, said.namespace, said.name)
    return {key: seal(value, found.key, bound_to) for key, value in values.items()}


def _plan(said: SealedArguments, there: Collection[str], found: Certificate) -> str:
    replaced = [key for key in said.keys if key in there]
    added = [key for key in said.keys if key not in there]
    lines = [
        f"SealedSecret {said.secret} in {said.path}",
        f"values replaced, for good: {', '.join(replaced)}" if replaced else "",
        f"values added: {', '.join(added)}" if added else "",
        f"certificate {found.fingerprint[:16]}…, valid until {found.expires:%Y-%m-%d}",
        "a person enters the values afterwards",
    ]
    return "\n".join(filter(None, lines))


def _done(said: SealedArguments) -> ToolResult:
    path = normalise(said.path)
    data = {
        "path": path,
        "namespace": said.namespace,
        "name": said.name,
        "keys": list(said.keys),
    }
    told = json.dumps(data, ensure_ascii=False)
    return ToolResult(content=f"The values were sealed and written: {told}", data=data)

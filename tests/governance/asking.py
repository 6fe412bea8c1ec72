"""An action that an agent asks for, and who decides on it."""

from __future__ import annotations

from governance.types import Action, ActionClass, ActorKind, Principal, Resource

ADA = Principal(kind=ActorKind.USER, name="ada")
ACTION = Action(
    tool="restart",
    arguments={},
    action_class=ActionClass.WRITE,
    resource=Resource(type="database", name="orders"),
    principal=Principal(kind=ActorKind.AGENT, name="dba"),
    trace_id="tr_1",
)

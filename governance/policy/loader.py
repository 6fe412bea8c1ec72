"""A policy document from YAML, strictly: a misspelt word in a deny rule must not fail open. Pure.

The language is the documented one (aiHelpDesk §3.1); of ours are the conditions `approver_role`,
`four_eyes`, `reason_required` and `valid_minutes`, which say how an approval is given.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import yaml

from governance.inventory import Inventory
from governance.policy import globs
from governance.policy.document import (
    DAYS,
    Conditions,
    Document,
    Policy,
    PrincipalMatch,
    ResourceMatch,
    Rule,
    Schedule,
    Who,
)
from governance.policy.nodes import PolicyRefused, Reader, compose
from governance.policy.types import Effect
from governance.types import ActionClass, Role

ACTIONS = (ActionClass.READ, ActionClass.WRITE, ActionClass.DESTRUCTIVE)
LIMITS = ("max_rows_affected", "max_pods_affected", "max_xact_age_secs")
OF_APPROVAL = ("approval_quorum", "approver_role", "four_eyes", "reason_required", "valid_minutes")
TRUTHS = ("require_approval", "four_eyes", "reason_required")
LEAST = {"approval_quorum": 1, "valid_minutes": 1, **dict.fromkeys(LIMITS, 0)}
PURPOSES = ("allowed_purposes", "blocked_purposes")
NAME_CHARS = 100  # as long as an approval keeps it

POLICY = (
    "name",
    "description",
    "enabled",
    "priority",
    "principals",
    "resources",
    "rules",
)
MATCH = ("name", "name_pattern", "tags", "namespace", "sensitivity", "tool", "tool_pattern")
RULE = ("action", "effect", "message", "conditions")
SCHEDULE = ("days", "hours", "timezone")
CONDITIONS = ("require_approval", *OF_APPROVAL, *LIMITS, "schedule", *PURPOSES)
# Where a key belongs that stands at another level: at the first of these places that has it.
PLACES = (
    ("to a policy", POLICY),
    ("to a rule", RULE),
    ("below conditions, of a rule", CONDITIONS),
    ("below match, of an item of resources", MATCH),
    ("below schedule, of conditions", SCHEDULE),
)


def load(text: str, source: str, *, inventory: Inventory | None = None) -> Document:
    """The document in `text`. Raises `PolicyRefused` with every fault and its place.

    With an inventory, names and tags that nothing in it carries are faults too.
    """
    root = compose(text, source)
    loader = _Loader(inventory)
    policies = loader.document(root)
    if loader.reader.faults:
        raise PolicyRefused(source, loader.reader.faults)
    return Document.of(policies)


class _Loader:
    """One method a level of the document."""

    def __init__(self, inventory: Inventory | None) -> None:
        self.reader = Reader(places=PLACES)
        self._inventory = inventory
        self._names: set[str] = set()

    def document(self, root: yaml.Node) -> list[Policy]:
        keys = self.reader.mapping(
            root, "the document", ("version", "policies"), needs=["policies"]
        )
        if version := keys.get("version"):
            self.reader.choice(version, "version", ["1"])
        if "policies" not in keys:
            return []
        return [self._policy(node) for node in self.reader.sequence(keys["policies"], "policies")]

    def _policy(self, node: yaml.Node) -> Policy:
        r = self.reader
        keys = r.mapping(node, "a policy", POLICY, needs=["name", "resources", "rules"])
        return Policy(
            name=self._name(keys.get("name")),
            description=r.text(keys["description"], "description") if "description" in keys else "",
            enabled=r.truth(keys["enabled"], "enabled") if "enabled" in keys else True,
            priority=self._priority(keys.get("priority")),
            principals=tuple(self._principal(item) for item in self._items(keys, "principals")),
            resources=tuple(self._resource(item) for item in self._items(keys, "resources")),
            rules=tuple(self._rule(item) for item in self._items(keys, "rules")),
            line=node.start_mark.line + 1,
            column=node.start_mark.column + 1,
        )

    def _items(self, keys: dict[str, yaml.Node], key: str) -> list[yaml.Node]:
        return self.reader.sequence(keys[key], key) if key in keys else []

    def _name(self, node: yaml.Node | None) -> str:
        if node is None:
            return ""
        name = self.reader.text(node, "name")
        if name in self._names:
            self.reader.fault(node, f"another policy is named {name} already")
        if len(name) > NAME_CHARS:
            self.reader.fault(node, f"name must have at most {NAME_CHARS} characters")
        self._names.add(name)
        return name

    def _priority(self, node: yaml.Node | None) -> int:
        return self.reader.whole(node, "priority", least=-999_999_999) if node else 0

    def _principal(self, node: yaml.Node) -> PrincipalMatch:
        keys = self.reader.mapping(node, "an item of principals", [str(who) for who in Who])
        if len(keys) != 1:
            if isinstance(node, yaml.MappingNode) and len(node.value) != 1:
                self.reader.fault(node, "an item of principals names one user, role or service")
            return PrincipalMatch(who=Who.ANY)
        ((key, value),) = keys.items()
        who = Who(key)
        if who is not Who.ANY:
            return PrincipalMatch(who=who, name=self.reader.text(value, key))
        if not self.reader.truth(value, key):
            self.reader.fault(value, "any can only be true; leave the item out")
        return PrincipalMatch(who=who)

    def _resource(self, node: yaml.Node) -> ResourceMatch:
        r = self.reader
        keys = r.mapping(node, "an item of resources", ("type", "match"), needs=["type"])
        kind = r.text(keys["type"], "type") if "type" in keys else ""
        match = r.mapping(keys["match"], "match", MATCH) if "match" in keys else {}
        found = ResourceMatch(
            type=kind,
            name=self._text(match, "name"),
            name_pattern=self._pattern(match, "name_pattern"),
            tags=self._texts(match, "tags"),
            namespace=self._text(match, "namespace"),
            sensitivity=self._texts(match, "sensitivity"),
            tool=self._text(match, "tool"),
            tool_pattern=self._pattern(match, "tool_pattern"),
        )
        if self._inventory is not None:
            _against(self._inventory, found, match, self.reader)
        return found

    def _text(self, keys: dict[str, yaml.Node], key: str) -> str:
        return self.reader.text(keys[key], key) if key in keys else ""

    def _texts(self, keys: dict[str, yaml.Node], key: str) -> frozenset[str]:
        return frozenset(self.reader.texts(keys[key], key)) if key in keys else frozenset()

    def _pattern(self, keys: dict[str, yaml.Node], key: str) -> str:
        text = self._text(keys, key)
        try:
            globs.compiled(text)
        except globs.BadPattern as error:
            self.reader.fault(keys[key], f"{key} cannot be read: {error}")
            return ""
        return text

    def _rule(self, node: yaml.Node) -> Rule:
        r = self.reader
        keys = r.mapping(node, "a rule", RULE, needs=["action", "effect"])
        effect = r.choice(keys["effect"], "effect", list(Effect)) if "effect" in keys else ""
        conditions = keys.get("conditions")
        rule = Rule(
            actions=self._actions(keys.get("action")),
            effect=Effect(effect or Effect.DENY),
            message=self._text(keys, "message"),
            conditions=self._conditions(conditions) if conditions else Conditions(),
            line=node.start_mark.line + 1,
            column=node.start_mark.column + 1,
        )
        if conditions and effect:
            self._approval_is_asked_for(rule, conditions)
        return rule

    def _actions(self, node: yaml.Node | None) -> tuple[ActionClass, ...]:
        if node is None:
            return ()
        listed = isinstance(node, yaml.SequenceNode)
        items = self.reader.sequence(node, "action") if listed else [node]
        found: list[ActionClass] = []
        for item in items:
            name = self.reader.choice(item, "action", ACTIONS)
            if name in found:
                self.reader.fault(item, f"{name} is there twice")
            elif name:
                found.append(ActionClass(name))
        return tuple(found)

    def _approval_is_asked_for(self, rule: Rule, node: yaml.Node) -> None:
        """Who may approve says nothing, and misleads, where no approval is ever asked for."""
        if rule.outcome is Effect.REQUIRE_APPROVAL or rule.conditions.require_approval:
            return
        if not isinstance(node, yaml.MappingNode):
            return
        for key, _ in node.value:
            if key.value in OF_APPROVAL:
                self.reader.fault(key, f"{key.value} says nothing where no approval is asked for")

    def _conditions(self, node: yaml.Node) -> Conditions:
        r = self.reader
        keys = r.mapping(node, "conditions", CONDITIONS)
        said: dict[str, object] = {}
        for key, value in keys.items():
            if key in TRUTHS:
                said[key] = r.truth(value, key)
            elif key in LEAST:
                said[key] = r.whole(value, key, least=LEAST[key])
            elif key in PURPOSES:
                said[key] = self._texts(keys, key)
        if "approver_role" in keys:
            role = r.choice(keys["approver_role"], "approver_role", list(Role))
            said["approver_role"] = Role(role or Role.APPROVER)
        if "schedule" in keys:
            said["schedule"] = self._schedule(keys["schedule"])
        return Conditions(**said)  # type: ignore[arg-type] # each value was read as its key's type

    def _schedule(self, node: yaml.Node) -> Schedule:
        r = self.reader
        keys = r.mapping(node, "schedule", SCHEDULE)
        if isinstance(node, yaml.MappingNode) and not node.value:
            r.fault(node, "schedule must name days or hours")
        said: dict[str, object] = {}
        if "days" in keys:
            days = [r.choice(item, "a day", DAYS) for item in r.sequence(keys["days"], "days")]
            said["days"] = frozenset(DAYS.index(day) for day in days if day)
        if "hours" in keys:
            hours = r.sequence(keys["hours"], "hours")
            said["hours"] = frozenset(r.whole(item, "an hour", least=0, most=23) for item in hours)
        if "timezone" in keys:
            said["timezone"] = self._zone(keys["timezone"])
        return Schedule(**said)  # type: ignore[arg-type] # likewise

    def _zone(self, node: yaml.Node) -> str:
        name = self.reader.text(node, "timezone")
        try:
            return ZoneInfo(name).key if name else "UTC"
        except (LookupError, ValueError, OSError):  # e.g. a directory of the zone files
            said = f"{name} is not a time zone; name one such as Europe/Vienna or UTC"
            self.reader.fault(node, said)
            return "UTC"


def _against(
    inventory: Inventory, spec: ResourceMatch, nodes: dict[str, yaml.Node], reader: Reader
) -> None:
    """Complain of names that nothing in the inventory has: they would never match."""
    if spec.type == "mcp":
        return  # named and tagged by AURA_MCP_SERVERS
    names = {"database": inventory.db_servers, "host": inventory.vms}.get(spec.type)
    if names is not None:
        what = f"{spec.type} in the inventory"
        if spec.name and spec.name not in names:
            known = ", ".join(sorted(names)) or "nothing"
            reader.fault(nodes["name"], f"there is no {what} named {spec.name}; there is {known}")
        if spec.name_pattern and not any(globs.matches(spec.name_pattern, n) for n in names):
            reader.fault(nodes["name_pattern"], f"no {what} fits {spec.name_pattern}")
    for key, said, known_ones in (
        ("tags", spec.tags, inventory.tags),
        ("sensitivity", spec.sensitivity, inventory.sensitivities),
    ):
        for word in sorted(said - known_ones):
            listed = ", ".join(sorted(known_ones)) or "none"
            reader.fault(
                nodes[key], f"nothing in the inventory has {word} in {key}; known: {listed}"
            )

"""Who may do what: roles and bindings, evaluated as the RBAC authorizer does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agents.sandbox import errors, kinds
from agents.sandbox.objects import Object, at, labels_of, name_of, namespace_of
from agents.sandbox.options import User
from agents.sandbox.selectors import selects
from agents.sandbox.store import Store

# What everybody may read: system:public-info-viewer and, once signed in, system:discovery.
_PUBLIC = ("/version", "/healthz", "/livez", "/readyz")
_DISCOVERY = ("/api", "/apis", "/openapi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """A request to a resource. `resource` has its subresource: pods/log, deployments/scale."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


def allowed(store: Store, user: User, asked: Attributes) -> bool:
    if "system:masters" in user.groups:
        return True
    if asked.resource.startswith("selfsubject") and "system:unauthenticated" not in user.groups:
        return True
    return any(_covers(rule, asked) for rule in rules_for(store, user, asked.namespace))


def check(store: Store, user: User, asked: Attributes, kind: errors.Named) -> None:
    """403, worded as the real server words it, unless `user` may."""
    if allowed(store, user, asked):
        return
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    named = f'{errors.qualified(kind)} "{asked.name}"' if asked.name else errors.qualified(kind)
    raise errors.forbidden(
        f'{named} is forbidden: User "{user.name}" cannot {asked.verb} resource "{asked.resource}"'
        f' in API group "{asked.group}" {where}',
        kind,
        asked.name,
    )


def check_path(user: User, verb: str, path: str) -> None:
    """403 unless `user` may read a path that is no resource."""
    if "system:masters" in user.groups or path.startswith(_PUBLIC):
        return
    if "system:unauthenticated" not in user.groups and path.startswith(_DISCOVERY):
        return
    raise errors.forbidden(f'forbidden: User "{user.name}" cannot {verb} path "{path}"')


def rules_for(store: Store, user: User, namespace: str) -> Iterator[Object]:
    """Every rule that binds `user` cluster-wide or in `namespace`."""
    bindings = store.all(kinds.CLUSTER_ROLE_BINDING)
    if namespace:
        bindings += store.all(kinds.ROLE_BINDING, namespace)
    for binding in bindings:
        if any(_is_subject(user, each, binding) for each in binding.get("subjects") or ()):
            yield from _rules(store, binding)


def _rules(store: Store, binding: Object) -> Iterable[Object]:
    reference = binding.get("roleRef") or {}
    if reference.get("kind") == "ClusterRole":
        role = store.find(kinds.CLUSTER_ROLE, "", reference.get("name", ""))
    else:
        role = store.find(kinds.ROLE, namespace_of(binding), reference.get("name", ""))
    if role is None:
        return []
    rules: list[Object] = list(role.get("rules") or [])
    for selector in at(role, "aggregationRule", "clusterRoleSelectors", default=[]):
        for other in store.all(kinds.CLUSTER_ROLE):
            if name_of(other) != name_of(role) and selects(selector, labels_of(other)):
                rules += other.get("rules") or []
    return rules


def _is_subject(user: User, subject: Object, binding: Object) -> bool:
    name = subject.get("name", "")
    match subject.get("kind"):
        case "User":
            return bool(user.name == name)
        case "Group":
            return name in user.groups
        case "ServiceAccount":
            namespace = subject.get("namespace") or namespace_of(binding)
            return user.name == f"system:serviceaccount:{namespace}:{name}"
        case _:
            return False


def _covers(rule: Object, asked: Attributes) -> bool:
    names = rule.get("resourceNames")
    return (
        _has(rule.get("verbs"), asked.verb)
        and _has(rule.get("apiGroups"), asked.group)
        and _covers_resource(rule.get("resources") or (), asked.resource)
        and (not names or asked.name in names)
    )


def _covers_resource(resources: Iterable[str], asked: str) -> bool:
    _, _, sub = asked.partition("/")
    return any(each in ("*", asked) or (sub and each == f"*/{sub}") for each in resources)


def _has(values: Iterable[str] | None, wanted: str) -> bool:
    return any(value in ("*", wanted) for value in values or ())

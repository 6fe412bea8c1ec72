"""What the helpdesk looks at and what tickets wait for, asked here and now: run it as the workers
run, with their variables and files. What is away is a warning, for Aura itself works without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from agents.argocd.configured import desk
from agents.database.connect import Limits, session
from agents.database.targets import find
from agents.kubernetes import client
from agents.kubernetes.failures import ClusterError
from agents.runtime.tool import ToolFailure
from aura.config import Settings
from aura.doctor.findings import Finding, ok, reason, warn
from governance.inventory import NOTHING, Inventory, InventoryRefused, configured

AT_ONCE = 8
MOST = 40  # of each kind
QUICK = Limits(connect_s=3.0, answer_s=3.0, session_s=6.0)
MEND_DATABASE = "check its entry in the file of HELPDESK_INFRA_CONFIG (docs/databases.md)"
MEND_CLUSTER = "check AURA_KUBECONFIG and the inventory's context (docs/clusters.md)"
MEND_ARGOCD = "check AURA_ARGOCD_SERVER and AURA_ARGOCD_TOKEN, or AURA_ARGOCD_CONTEXT"


def databases(config: Settings) -> Iterator[Finding]:
    """Each database of the inventory, with its own role and password."""
    ids = list(_inventory(config).db_servers)[:MOST]
    yield from _each("databases", ids, _database, MEND_DATABASE)


def clusters(config: Settings) -> Iterator[Finding]:
    """Each cluster of the inventory, else the one of the settings."""
    contexts = {id_: it.context for id_, it in _inventory(config).k8s_clusters.items()}
    if not contexts and config.kubeconfig:
        contexts = {config.k8s_context or "the current context": config.k8s_context}
    if not contexts:
        yield ok("clusters", "none is configured")

    def version(name: str) -> str:
        said = client.connect(config.kubeconfig, contexts[name]).read("/version")
        return f"Kubernetes {said.get('gitVersion', 'of an unknown version')}"

    yield from _each("clusters", list(contexts)[:MOST], version, MEND_CLUSTER)


def argocd(config: Settings) -> Iterator[Finding]:
    """What tickets wait for after their merge."""
    try:
        way = desk(config)
        if way is None:
            yield ok("argocd", "none is configured: a ticket is done with its merge")
            return
        count = len(way.applications())
        yield ok("argocd", f"it answers and shows {count} application{'s'[: count != 1]}")
    except (ToolFailure, ClusterError) as error:
        yield warn("argocd", reason(error, most=300), MEND_ARGOCD)


def _inventory(config: Settings) -> Inventory:
    """Empty where it cannot be read, of which the check `inventory` tells."""
    try:
        return configured(config.inventory)
    except InventoryRefused:
        return NOTHING


def _database(id_: str) -> str:
    with session(find(id_), "check_connection", limits=QUICK, reuse=False) as db:
        return f"PostgreSQL {db.version // 10000}"


def _each(name: str, ids: Iterable[str], ask: Callable[[str], str], mend: str) -> Iterator[Finding]:
    """Ask all at once; a line each."""

    def asked(id_: str) -> Finding:
        try:
            return ok(name, f"{id_}: {ask(id_)}")
        except (ToolFailure, ClusterError) as error:
            first = str(error).split("\n", 1)[0].removeprefix(f"{id_}: ")
            return warn(name, f"{id_}: {reason(first, most=300)}", mend)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(asked, ids)

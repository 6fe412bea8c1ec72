"""What happens between an open database and the first request: tables, and a first login."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from psycopg.conninfo import make_conninfo

from aura.config import Settings
from aura.embedded.places import DATABASE, LOOKER, OPERATOR, Places
from aura.surfaces.access import put_roles_in_place
from governance.access import give_role, role_of
from governance.audit import protection
from governance.identity import issue_token
from governance.inventory import configured
from governance.policy import activation
from governance.types import Role

FIRST_USER = "admin"  # logs in to the console, and approves
FIRST_OPERATOR = "operator"  # whose token opens tickets: who asks does not approve
LOGIN_NOTE = "first-login.txt"
TOKEN_NOTE = "first-token.txt"  # noqa: S105 - a file's name
# Any number no other advisory lock of the product uses.
STARTUP_LOCK = 0x41555241
OWN_DATABASE = "local-db"
SANDBOX = "sandbox"
OWN_INVENTORY = (
    "Written by `up` at each start. To register databases of your own, write such a file elsewhere"
    " and name it in HELPDESK_INFRA_CONFIG; docs/databases.md shows how."
)


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time, on whatever machine, prepares this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [STARTUP_LOCK])
        try:
            yield
        except BaseException:
            connection.close()  # an interrupted statement leaves it unable to unlock
            raise
        cursor.execute("SELECT pg_advisory_unlock(%s)", [STARTUP_LOCK])


def migrate(admin_url: str = "") -> int:
    """Apply what is missing; the number of migrations applied.

    With the URL of a superuser the log's tables belong to a role of their own afterwards.
    """
    missing = missing_migrations()
    if missing and admin_url:
        protection.lift(admin_url, connection.settings_dict["USER"])
    if missing:
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    else:  # what a role holds may change without a migration
        put_roles_in_place()
    if admin_url and protection.owner_of_log(connection) != protection.OWNER:
        protection.protect(admin_url, connection.settings_dict["USER"])
    return missing


def missing_migrations() -> int:
    """How many migrations this code has that the database has not."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def put_policy_in_place() -> str:
    """Seal the policy in force, and activate the file of the settings; what a person should be
    told, or nothing.

    Raises `PolicyRefused` and `InventoryRefused`, whose words are one line a fault.
    """
    config: Settings = settings.AURA
    inventory = configured(config.inventory)
    note = activation.put_seal_in_place()
    if note or config.policy_file is None:
        return note
    known = inventory if config.inventory else None
    return activation.at_start(config.policy_file, inventory=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """What the first start made and a later one cannot show again."""

    password: str
    token: str


def register_own_database(config: Settings, places: Places | None) -> None:
    """Put the embedded database into an inventory of our own, so that there is one to try out.

    `places` is where it lies; None: the database is somebody else's, who registers it or not. An
    inventory that a person named counts instead of ours.
    """
    if places is None:
        config.own_inventory.unlink(missing_ok=True)
        return
    place = {"host": str(places.sockets), "dbname": DATABASE, "user": LOOKER}
    entry = {
        "name": "The embedded database",
        "connection_string": make_conninfo("", **place),
        "operator_user": OPERATOR,
        "aliases": ["prod-db", "prod-db.example.com:5432"],
        "tags": ["development"],
    }
    said = {
        "_comment": OWN_INVENTORY,
        "db_servers": {OWN_DATABASE: entry},
        "k8s_clusters": _sandboxes(config),
    }
    config.own_inventory.write_text(f"{json.dumps(said, indent=2)}\n", encoding="utf-8")


def _sandboxes(config: Settings) -> dict[str, object]:
    """The simulated cluster, where the kubeconfig is that of one; others their owner registers."""
    if not any(SANDBOX in Path(part).name for part in config.kubeconfig.split(":") if part):
        return {}
    return {SANDBOX: {"name": "The sandbox", "context": "aura-sandbox", "tags": ["development"]}}


def first_login(data: Path, *, url: str) -> First | None:
    """Make a superuser, and an operator's token for the API, if there is no superuser; else None.

    Two people, for nobody approves what they asked for themselves.

    Both are kept in the data directory (0600), the password before the user exists: a start that
    is killed in between leaves a useless note, never an unknown password.
    """
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    _keep(data / LOGIN_NOTE, f"{url}\nuser: {FIRST_USER}\npassword: {password}\n")
    with transaction.atomic():
        user, _ = User.objects.get_or_create(username=FIRST_USER)
        user.is_staff = user.is_superuser = True
        user.set_password(password)
        user.save()
        token = issue_token(first_operator(), name="first start", role=Role.OPERATOR)
        _keep(data / TOKEN_NOTE, f"{token}\n")
    return First(password=password, token=token)


def first_operator() -> User:
    """The user whose token opens tickets; made when missing. Nobody can log in as them."""
    operator, made = User.objects.get_or_create(username=FIRST_OPERATOR)
    if made:
        operator.set_unusable_password()
        operator.save()
    if (role_of(operator) or Role.VIEWER).rank < Role.OPERATOR.rank:
        give_role(operator, Role.OPERATOR)
    return operator


def _keep(note: Path, text: str) -> None:
    note.unlink(missing_ok=True)  # an old one may have been readable by others
    handle = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)

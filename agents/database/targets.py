"""Which database a call means: one that the inventory lists, and none else while there is one."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import Field, field_validator

from agents.runtime.tool import Arguments, NeedsPerson, ToolFailure
from aura.config import variable
from aura.kernel.errors import Unavailable
from aura.kernel.secrets import remember
from governance.helpdesk.resources import known
from governance.inventory import NOTHING, Database, Inventory, place_of
from governance.types import Resource

MOST_LISTED = 20
CREDENTIALS = ("password", "sslpassword")
BY_CALLERS = frozenset({"host", "port", "dbname", "user", "sslmode"})
# Said unless the connection string says otherwise: a dead line is noticed within a minute.
LINE = {
    "keepalives": "1",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
HOW = "Add it to db_servers in the file of HELPDESK_INFRA_CONFIG, as docs/databases.md shows"


class TargetArguments(Arguments):
    """Base of the arguments of every database tool: which database is meant."""

    connection_string: str = Field(
        default="",
        max_length=2000,
        description="Which database: its id in the inventory, or its libpq connection string or"
        " URI, compared by host, port and database name. May be left out where only one database"
        " is registered. Credentials are those of the inventory, never of the caller.",
    )
    host: str = Field(
        default="", max_length=255, description="Host of the database, instead of connection_string"
    )
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Port on that host; 5432 when left out"
    )
    dbname: str = Field(default="", max_length=63, description="Name of the database on that host")
    user: str = Field(
        default="",
        max_length=63,
        description="Role of the registered connection that is meant, where there are several",
    )

    @field_validator("connection_string")
    @classmethod
    def _without_credentials(cls, value: str) -> str:
        """A password of a caller's is not used, so nobody needs to see it."""
        said = _read(value)
        secrets = [said.pop(key) for key in CREDENTIALS if key in said]
        for secret in secrets:
            remember(secret)
        return make_conninfo("", **said) if secrets else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A database to connect to. `label` is how people are told of it; it holds no credential.

    `operator_user`: the role that changes are made as; empty: the same as looks.
    """

    id: str
    label: str
    resource: Resource
    connection_string: str = field(repr=False)
    password_env: str = ""
    operator_user: str = ""
    operator_password_env: str = ""

    def conninfo(self, *, operator: bool = False) -> str:
        """What libpq is given, password included. Raises `NeedsPerson` when that is not there."""
        said = {**LINE, **_read(self.connection_string), "application_name": "aura"}
        variable_name = self.password_env
        if operator and self.operator_user:
            said.pop("password", None)
            said["user"] = self.operator_user
            variable_name = self.operator_password_env
        if variable_name:
            said["password"] = self._password(variable_name)
        if said.get("password"):
            remember(str(said["password"]))
        return make_conninfo("", **said)

    def _password(self, name: str) -> str:
        password = variable(name)
        if not password:
            raise NeedsPerson(
                f"{self.id}: its password is to be read from the environment variable {name}, which"
                " is not set for the workers. Set it where Aura is started."
            )
        return password


def target_of(arguments: TargetArguments) -> Target:
    """The database of a call. Raises `ToolFailure`, which lists what there is to choose from."""
    return find(_reference(arguments))


def resource_of(arguments: TargetArguments) -> Resource:
    """What the policy judges of a call: `Tool.resource`."""
    return target_of(arguments).resource


def find(reference: str) -> Target:
    """The database that an id, an alias or a connection string means; empty: the only one."""
    inventory = registered()
    if inventory == NOTHING:
        return _unregistered(reference)
    if not reference:
        return _only(inventory)
    match inventory.databases_called(reference):
        case [key]:
            return _registered(inventory, key)
        case []:
            raise ToolFailure(
                f"{shown(reference)} is not a registered database. {_list(inventory)} {HOW}."
            )
        case several:
            raise ToolFailure(
                f"{shown(reference)} may be any of {', '.join(several)}: name it by its id."
            )


def registered() -> Inventory:
    """The inventory. Raises `NeedsPerson` while it cannot be read."""
    try:
        return known()
    except Unavailable:
        raise NeedsPerson(
            "The inventory cannot be read, so no database is known: `manage.py doctor` says what"
            " is wrong with the file of HELPDESK_INFRA_CONFIG."
        ) from None


def shown(reference: str) -> str:
    """A reference without what may be a credential in it."""
    place = place_of(reference)
    if place:
        return "{host}:{port}/{dbname}".format_map(place)
    return repr(reference[:100]) if "=" not in reference and "@" not in reference else "That"


def _reference(arguments: TargetArguments) -> str:
    parts = {
        "host": arguments.host,
        "port": str(arguments.port or ""),
        "dbname": arguments.dbname,
        "user": arguments.user,
    }
    said = {key: value for key, value in parts.items() if value}
    if not said:
        return arguments.connection_string
    if arguments.connection_string:
        raise ToolFailure(
            "connection_string and host, port, dbname or user were given together: give one of"
            " them, or the id of the database alone."
        )
    if "host" not in said:
        raise ToolFailure("port, dbname and user belong to a host: name it, or give an id.")
    return make_conninfo("", **said)


def _registered(inventory: Inventory, key: str) -> Target:
    db = inventory.db_servers[key]
    resource = inventory.database(key)
    assert resource is not None  # noqa: S101 - the key is one of the inventory
    return Target(
        id=key,
        label=_label(key, db),
        resource=resource,
        connection_string=db.connection_string.get_secret_value(),
        password_env=db.password_env,
        operator_user=db.operator_user,
        operator_password_env=db.operator_password_env,
    )


def _unregistered(reference: str) -> Target:
    """Without an inventory a connection string may be judged; the built-in policy denies it."""
    if not _read(reference):
        what = f"{shown(reference)} is not known" if reference else "No database is named"
        raise ToolFailure(f"{what}, for no database is registered. {HOW}.")
    _refuse_side_ways(_read(reference))
    place = shown(reference)
    return Target(
        id="",
        label=place,
        resource=Resource(type="database", name=place),
        connection_string=reference,
    )


def _refuse_side_ways(said: dict[str, str]) -> None:
    """What is judged is host, port and database: nothing beside them leads elsewhere, reads a file
    of ours or sets an option. Raises `ToolFailure`.
    """
    if said.keys() <= BY_CALLERS and "," not in said.get("host", ""):
        return
    raise ToolFailure(
        "A database that is not registered is named by one host, port, dbname, user and sslmode"
        f" alone. {HOW}."
    )


def _only(inventory: Inventory) -> Target:
    if len(inventory.db_servers) == 1:
        return _registered(inventory, next(iter(inventory.db_servers)))
    raise ToolFailure(f"Say which database is meant in connection_string. {_list(inventory)}")


def _list(inventory: Inventory) -> str:
    ids = list(inventory.db_servers)
    if not ids:
        return "The inventory lists no database."
    more = f" and {len(ids) - MOST_LISTED} more" if len(ids) > MOST_LISTED else ""
    return f"Registered are: {', '.join(ids[:MOST_LISTED])}{more}."


def _label(key: str, db: Database) -> str:
    place = db.place
    return f"{key} ({'{host}:{port}/{dbname}'.format_map(place)})" if place else key


def _read(connection: str) -> dict[str, str]:
    if "=" not in connection and "://" not in connection:
        return {}
    try:
        return {key: str(value) for key, value in conninfo_to_dict(connection).items()}
    except (psycopg.ProgrammingError, UnicodeError):
        return {}

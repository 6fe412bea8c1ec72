"""`create_incident_bundle` and `list_incidents` (behaviour §4.4).

Making a bundle is of the class read: it looks, with reads alone, and what it writes is a file of
ours that nobody else can see; a person at three in the morning must get it without an approval. A
policy can still deny it, by the resource type `incident`, and each read in it by its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AliasChoices, Field

from agents.incident import archive, bundles
from agents.incident.layers import Layer
from agents.incident.targets import Targets
from agents.models import Incident
from agents.runtime.tool import Arguments, CallContext, Tool, ToolFailure, ToolResult
from governance.types import ActionClass, Resource

UNKNOWN = "unknown"
DESCRIPTION = "Diagnostic bundle"
DESCRIPTION_CHARS = 4000
MOST_LISTED = 500


class Wish(Arguments):
    infra_key: str = Field(
        default=UNKNOWN,
        max_length=200,
        description="what the bundle is filed under, for instance the database's id",
    )
    description: str = Field(
        default=DESCRIPTION,
        max_length=DESCRIPTION_CHARS,
        description="what happened, in a sentence",
    )
    connection_string: str = Field(
        default="",
        max_length=2000,
        validation_alias=AliasChoices("connection_string", "host", "connection"),
        description="the database to look into: its id in the inventory, one of its other names,"
        " or its connection string; without it the layer is left out",
    )
    k8s_context: str = Field(
        default="",
        max_length=253,
        description="the cluster to look into; without it the layer is left out",
    )
    k8s_namespace: str = Field(default="default", max_length=253, description="namespace in it")
    callback_url: str = Field(
        default="", max_length=2048, description="told with a POST of the result once it is made"
    )
    layers: tuple[Layer, ...] = Field(
        default=(), max_length=8, description="only these layers; all that can be when left out"
    )

    def secret_values(self) -> Iterator[str]:
        """A password in the connection string goes into no bundle and no log."""
        yield from super().secret_values()
        try:
            password = conninfo_to_dict(self.connection_string).get("password")
        except (psycopg.ProgrammingError, UnicodeError):
            return
        if password:
            yield str(password)


class Listing(Arguments):
    limit: int = Field(default=100, ge=1, le=MOST_LISTED, description="the newest so many")


def incident_tools() -> list[Tool]:
    """The tools of the incident agent."""
    return [_create(), _list()]


def _create() -> Tool:
    return Tool(
        name="create_incident_bundle",
        title="Create Incident Bundle",
        description=(
            "Collect what a person needs to understand an incident afterwards into one archive:"
            " the state of a database, of a cluster, of this host and its disks. Credentials are"
            " taken out. A bundle is always made; what could not be read is listed in it."
        ),
        action_class=ActionClass.READ,
        parameters=Wish,
        run=_bundle,
        resource=lambda wish: Resource(type="incident", name=wish.infra_key or UNKNOWN),
        alone=True,
        tags=("incident", "bundle", "diagnostics", "tarball"),
        examples=("Create an incident bundle for prod-db: OOM killer triggered",),
    )


def _list() -> Tool:
    return Tool(
        name="list_incidents",
        title="List Incidents",
        description="List the bundles that were made, newest first.",
        action_class=ActionClass.READ,
        parameters=Listing,
        run=_listed,
        resource=lambda _: Resource(type="incident", name="list"),
        tags=("incident", "listing", "history"),
        examples=("Which incident bundles are there?",),
    )


def _bundle(wish: Wish, context: CallContext) -> ToolResult:
    targets = Targets(
        connection_string=wish.connection_string,
        k8s_context=wish.k8s_context,
        k8s_namespace=wish.k8s_namespace,
        wanted=wish.layers,
    )
    try:
        incident = bundles.create(
            targets,
            infra_key=wish.infra_key or UNKNOWN,
            description=wish.description,
            callback_url=wish.callback_url,
            context=context,
        )
    except archive.NotWritten as failure:
        raise ToolFailure(
            "The bundle could not be kept, so there is none.\n"
            f"ERROR — create_incident_bundle failed for {wish.infra_key}: {failure}"
        ) from failure
    return ToolResult(content=_told(incident), data=incident.as_result())


def _told(incident: Incident) -> str:
    layers = ", ".join(incident.layers) or "no layer"
    head = f"Incident bundle {incident.key} is made ({layers}; {incident.size} bytes):"
    lines = [head, incident.path]
    if incident.errors:
        lines += ["Missing or incomplete:", *incident.errors]
    return "\n".join(lines)


def _listed(wish: Listing, context: CallContext) -> ToolResult:
    del context
    found = list(Incident.objects.all()[: wish.limit])
    lines = [
        f"{one.timestamp} {one.key} {one.infra_key}: {one.description}"
        f" ({', '.join(one.layers)}; {len(one.errors)} missing or incomplete) {one.path}"
        for one in found
    ]
    return ToolResult(
        content="\n".join(lines) or "No incident bundle was made yet.",
        data={"incidents": [one.as_listed() for one in found]},
    )

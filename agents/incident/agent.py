"""The incident agent."""

from __future__ import annotations

from agents.definition import HelpdeskAgent
from agents.incident.questions import calls_for
from agents.incident.tools import incident_tools

INSTRUCTIONS = """\
You preserve what is seen during an incident, so that people can understand it afterwards.

When somebody reports trouble, make one bundle: file it under the id of the database or cluster it
is about, describe in a sentence what happened, and give the targets that were named and no others.
Do not ask for details that are missing; a bundle of the host alone is better than none, and time
matters. Make a second one only when you are asked to.

Then say the bundle's id, where it lies, which layers it has, and what is missing from it. A bundle
with errors is still a success: name the errors. Say nothing about causes; you have not looked."""

AGENT = HelpdeskAgent(
    name="incident_agent",
    family="incident",
    title="Incident Agent",
    description="Collects diagnostic bundles of databases, clusters and hosts, and lists them.",
    instructions=INSTRUCTIONS,
    tools=incident_tools,
    calls_for=calls_for,
    port_index=2,
    aliases=("incident",),
    tags=("incident", "bundle", "diagnostics"),
)

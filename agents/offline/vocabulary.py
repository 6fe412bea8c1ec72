"""The words that reading looks for: verbs, what surrounds a name, and what is no name."""

from __future__ import annotations

import re
from enum import StrEnum


def words(text: str) -> frozenset[str]:
    """A set of words from a line of them."""
    return frozenset(text.split())


class Verb(StrEnum):
    """A family of verbs. WEAK ones deploy too, yet stand in many sentences that ask for nothing."""

    DEPLOY = "deploy"
    WEAK = "weak"
    SCALE = "scale"
    IMAGE = "image"
    CONFIGURE = "configure"
    REMOVE = "remove"


_FAMILIES = {
    Verb.DEPLOY: (
        r"deploy|install|set ?up|roll ?out|bring up|spin up|stand up|provision|release|ship"
    ),
    Verb.WEAK: (
        r"run|create|add|launch|start|host|need|want|would like|new (?:app(?:lication)?|service)"
    ),
    Verb.SCALE: r"scale|resize|increase|decrease|raise|reduce|lower|grow|shrink|double|halve",
    Verb.IMAGE: r"update|upgrade|bump|downgrade|roll ?back|revert|patch|move|switch|pin",
    Verb.CONFIGURE: (
        r"configure|set|change|expose|publish|enable|disable|use|give|limit|allocate|adjust|modify"
        r"|edit|make|turn (?:on|off)|unset|put"
    ),
    Verb.REMOVE: (
        r"remove|delete|uninstall|tear ?down|decommission|get rid of|drop|undeploy|retire|destroy"
        r"|take down|purge"
    ),
}
VERB = re.compile(
    r"(?<![\w./-])(?:"
    + "|".join(f"(?P<{verb.name}>{family})" for verb, family in _FAMILIES.items())
    + r")(?![\w/-]|\.\w)",
    re.IGNORECASE,
)
# "after the last deploy", "a release", "when we scale": told of, not asked for.
_SUBJECT = r"(?:i|we|they|you|it|users|people|customers|someone|(?:the|a|our)\s+\w+)\s+(?:\w+\s+)?"
TOLD = re.compile(
    r"(?:\b(?:the|a|an|last|latest|this|that|our|my|your|every|each|since|of|previous|next|failed"
    r"|recent|used to|able to|cannot|can't|couldn't|could not|failed to|fails to|trying to"
    r"|tried to)\s+"
    r"|\b(?:when|whenever|before|after|once|until|if|because|since|while|as|which|who|that)\s+"
    rf"(?:{_SUBJECT})?(?:(?:can|could|will|would|should|must|to)\s+)?"
    rf"|\bso\s+(?:that\s+)?{_SUBJECT}"
    r"|(?:^|[\n.|!?,]\s*)(?:i|we|they|you|users|people|customers)\s+)$",
    re.IGNORECASE,
)
WISHED = re.compile(r"\b(?:we|i)\s+$", re.IGNORECASE)
WISHES = words("need want") | {"would like"}

# Before a name: "deploy a new instance of X".
FILLERS = words(
    "a an the our my your this that new simple small another one us me please up down out also just"
    " again basic plain copy instance instances app apps application applications service services"
    " deployment deployments workload workloads website site existing running old unused stale of"
    " quickly now container pod pods current release version image tag replicas number stack"
)
# After a name: "the X server".
TRAILERS = words(
    "server servers cluster instance instances app apps application applications service services"
    " deployment deployments database databases db cache broker container containers pod pods"
    " workload image images stack site website manifests resources completely entirely again please"
    " now back today asap immediately too up down out here away"
)
# No part of a name: the object ends before them.
STOPS = words(
    "with using in on to from at for as by behind under via that which so because into onto exposed"
    " listening running having is are was it its them we i you and or but through per inside when"
    " if until after before than then there where who should must can will needs has have had"
    " against during since between without within called named both only everything anything"
    " something nothing all any"
)
# Parts of an application: "change the port" is about no application called port.
PARTS = words(
    "replica ingress host hostname domain env environment variable variables var config"
    " configuration configmap setting settings limit limits request requests memory ram cpu port"
    " ports label labels annotation annotations probe probes volume volumes namespace secret"
    " secrets key value count log level access traffic tls https http dns way sure name names"
    " resource quota timeout cronjob cronjobs job jobs daemonset statefulset chart"
)
# Beside the name of known software they make it something else: "nginx ingress controller".
COMPOUND = words(
    "ingress controller operator exporter commander insight proxy manager admin ui sentinel unit"
    " plus module gateway backup agent plugin client"
)
NAMED = re.compile(
    r"\b(?:called|named|(?:call|name) (?:it|this|the (?:app|application|service))|rename it to"
    r"|with (?:the )?name|under the name)\s+(?P<v>[^\s|,;]+)"
    r"|(?:^|\n|\|)\s*[-*]?\s*(?:name|app|application|service)\s*[:=]\s*(?P<w>[^\s|,;]+)",
    re.IGNORECASE,
)
RELATED = re.compile(
    r"\b(?:of|for|on|in|from|to|at|with|by)\s+(?:the\s+|our\s+|my\s+)?"
    r"(?P<v>[a-z][a-z0-9-]*)(?![\w/-]|\.\w)",
    re.IGNORECASE,
)

"""Nothing that stands in a ticket or a file makes the planner stumble or write what it must not."""

from __future__ import annotations

import re
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.offline import values
from agents.offline.answers import answered
from agents.offline.drafting import draft
from agents.offline.intent import Intent, Slot
from agents.offline.layout import survey
from agents.offline.outcome import Draft, Topic
from agents.offline.reading import read
from tests.agents.offline.repositories import LAYOUTS

WORDS = re.findall(
    r"\S+",
    "deploy scale update remove set run image of web nginx redis to from 2 5 1.27 replicas "
    "port 8080 namespace shop host a.example.com in production dev with and , . : = - FOO=bar "
    "LOG_LEVEL debug password=x ghcr.io/acme/web:2.3 not don't it the for on at by memory "
    "512Mi limit ' ` ( ) | ../x $(id) called 3-node three 99999 -1 a@b version tag latest ? "
    "when configmap env unset add :80 https://x.y/z é between ",
)
TEXTS = st.lists(st.sampled_from([*WORDS, '"', "\n", "\x00"]), max_size=14).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(
    ticket=TEXTS,
    answer=TEXTS,
    topic=st.sampled_from(Topic),
    slot=st.one_of(st.none(), st.sampled_from(Slot)),
)
def test_whatever_is_said_what_is_read_may_be_written(
    ticket: str, answer: str, topic: Topic, slot: Slot | None
) -> None:
    first = read(ticket, known=("web",), environments=("dev",))
    second = answered(first, topic, slot, answer, known=("web",), environments=("dev",))
    for intent in (first, second):
        _assert_valid(intent)


def _assert_valid(intent: Intent) -> None:
    assert intent.name is None or values.is_name(intent.name)
    assert intent.namespace is None or values.is_namespace(intent.namespace)
    assert intent.host is None or values.is_host(intent.host)
    assert intent.image is None or values.parse_image(str(intent.image))
    assert intent.version is None or values.is_tag(intent.version)
    assert intent.port is None or values.is_port(intent.port)
    assert intent.replicas is None or 0 <= intent.replicas <= values.MAX_REPLICAS
    assert all(values.is_env_name(key) and "password" not in key for key, _ in intent.env)


TICKETS = (
    "Scale web to 5",
    "Update web to 1.3.0",
    "Set LOG_LEVEL=debug on web",
    "Set X_Y=1 in the configmap of web in dev",
    "Change the port of web to 9090",
    "Expose web at web.example.com",
    "Set the memory limit of web to 1Gi in production",
    "Remove web from dev",
    "Deploy nginx 1.27 at n.example.com",
)
JUNK: tuple[Any, ...] = (
    None,
    [],
    {},
    "x",
    1,
    True,
    [None],
    {"a": 1},
    [{"name": "web"}],
    [{}],
    -1.5,
)


@settings(max_examples=60, deadline=None)
@given(
    layout=st.sampled_from(sorted(LAYOUTS)),
    ticket=st.sampled_from(TICKETS),
    junk=st.sampled_from(JUNK),
    data=st.data(),
)
def test_a_manifest_of_another_shape_is_no_obstacle(
    layout: str, ticket: str, junk: Any, data: st.DataObject
) -> None:
    files = LAYOUTS[layout]()
    path = data.draw(st.sampled_from([p for p in files if p.endswith(".yaml")]))
    documents = [d for d in yaml.safe_load_all(files[path]) if d]
    places = [(d, key) for document in documents for d, key in _places(document)]
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = junk
    files[path] = yaml.safe_dump_all(documents)
    repository = survey(files, files)
    intent = read(ticket, known=tuple(repository.applications), environments=("dev", "production"))
    outcome = draft(intent, repository)
    if isinstance(outcome, Draft):
        for text in outcome.files.values():
            assert text is None or list(yaml.safe_load_all(text))


def _places(data: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything in a document."""
    keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    return [place for key in keys for place in [(data, key), *_places(data[key])]]

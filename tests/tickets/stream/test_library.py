"""The log behind django-eventstream's interfaces, and frames on the wire."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django_eventstream.utils import get_channelmanager, get_storage
from hypothesis import given
from hypothesis import strategies as st

from aura.kernel.sse import Decoder, Frame, encode
from tests.tickets.stream.conftest import happen
from tickets.stream import Channels, LogStorage


def test_the_library_finds_our_classes():
    assert isinstance(get_storage(), LogStorage)
    assert isinstance(get_channelmanager(), Channels)


def test_the_log_has_one_writer():
    with pytest.raises(NotImplementedError, match=r"tell\(\)"):
        LogStorage().append_event("tickets", "status_changed", {})


def test_the_storage_reads_the_log(ticket, other):
    happen(ticket, to="planning")
    happen(other)
    happen(ticket, "ticket_created")
    happen(ticket, "ticket_resolved")
    storage, channel = LogStorage(), f"ticket-{ticket.pk}"
    assert storage.get_current_id(channel) == 4
    events = storage.get_events(channel, 0)
    assert [(e.channel, e.type, e.id) for e in events] == [
        (channel, "status_changed", 1),
        (channel, "resolved", 4),
    ]
    assert events[0].data["payload"] == {"to": "planning"}
    assert [e.id for e in storage.get_events("tickets", 1)] == [2, 4]
    assert [e.id for e in storage.get_events("tickets", 0, limit=2)] == [1, 2]
    assert storage.get_events("tickets", 4) == []


@pytest.mark.django_db
def test_an_empty_log_is_at_its_beginning():
    assert LogStorage().get_current_id("tickets") == 0


def test_channels_are_named_after_tickets():
    channels = Channels()
    assert channels.get_channels_for_request(None, {"id": "7"}) == {"ticket-7"}
    assert channels.get_channels_for_request(None, {}) == {"tickets"}
    assert channels.is_channel_reliable("tickets")


@pytest.mark.parametrize(
    ("auth", "user", "allowed"),
    [
        ("off", None, True),
        ("on", None, False),
        ("on", AnonymousUser(), False),
        ("on", User(is_active=False), False),
        ("on", User(is_superuser=True, is_active=False), False),
        ("on", User(is_superuser=True), True),
    ],
)
def test_who_may_read_a_channel(settings, auth, user, allowed):
    settings.AURA = settings.AURA.model_copy(update={"auth": auth})
    assert Channels().can_read_channel(user, "tickets") is allowed


# --- the wire ---


def test_a_frame_on_the_wire():
    frame = Frame(event="status_changed", id="evt_1", data='{"a":1}')
    assert encode(frame) == b'id: evt_1\nevent: status_changed\ndata: {"a":1}\n\n'


@pytest.mark.parametrize("bad", [{"id": "a\nb"}, {"event": "a\rb"}, {"id": "a\0b"}])
def test_a_name_or_an_id_of_two_lines_is_refused(bad):
    with pytest.raises(ValueError, match="one line"):
        encode(Frame(data="x", **bad))


line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1)
texts = st.lists(line, min_size=1).map("\n".join)


@given(st.lists(st.tuples(texts, line, line)), st.integers(1, 7))
def test_what_was_written_is_read_in_whatever_pieces_it_comes(content, size):
    frames = [Frame(data=text, event=name, id=mark) for text, name, mark in content]
    wire = b"".join(map(encode, frames))
    decoder, read = Decoder(), []
    for start in range(0, len(wire), size):
        read += decoder.feed(wire[start : start + size])
    assert read == frames
    assert decoder.last_event_id == (frames[-1].id if frames else "")


def test_a_decoder_follows_the_standard():
    decoder = Decoder()
    wire = "\ufeff: comment\r\ndata:YHOO\rdata\ndata: +2\r\nretry: 10\r\n\r\n"
    assert decoder.feed(f"{wire}id: 1\n\nevent: x\ndata\n\n".encode()) == [
        Frame(data="YHOO\n\n+2"),
        Frame(data="", event="x"),
    ]
    assert decoder.last_event_id == "1"
    assert decoder.feed(b"data: cut off") == []

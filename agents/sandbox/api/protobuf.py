"""The one body that kubectl sends as protocol buffers and nothing else: `kubectl auth can-i`.

Field numbers are those of k8s.io/api/authorization/v1.
"""

from __future__ import annotations

from agents.sandbox import errors
from agents.sandbox.objects import Object

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_RAW, _SPEC, _RESOURCE = 2, 2, 1
_NAMES = {
    1: "namespace",
    2: "verb",
    3: "group",
    4: "version",
    5: "resource",
    6: "subresource",
    7: "name",
}
_VARINT, _BYTES = 0, 2


def access_review(body: bytes) -> Object:
    """A SelfSubjectAccessReview; 415 for anything else."""
    try:
        raw = _fields(body.removeprefix(_MAGIC))[_RAW]
        spec = _fields(_fields(raw)[_SPEC])
        asked = _fields(spec[_RESOURCE])
    except (KeyError, IndexError, ValueError):
        raise errors.unsupported_media_type(("application/json", "application/yaml")) from None
    named = {_NAMES[number]: text.decode() for number, text in asked.items() if number in _NAMES}
    return {"spec": {"resourceAttributes": named}}


def _fields(message: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a message by their numbers."""
    found, position = {}, 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            _, position = _varint(message, position)
        elif kind == _BYTES:
            length, position = _varint(message, position)
            found[number] = message[position : position + length]
            position += length
        else:
            raise ValueError("a wire type that these messages do not have")
    return found


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no continuation bit
            return value, position

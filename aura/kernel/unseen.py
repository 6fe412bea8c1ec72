"""Text from outside (people, models, tools), with every character shown that cannot be seen.

Such as the bidirectional overrides with which a path can be made to read as another one.
"""

from __future__ import annotations

import re
from typing import Any

# Control characters but tab and newline, soft hyphen, fillers, zero-width and bidirectional
# characters, line separators, variation selectors (the one that colours a symbol only where no
# symbol precedes it), unpaired surrogates, tags.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<![\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff])\ufe0f"
)


def _named(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match.group()):04X}⟩"


def visible(value: Any) -> str:
    """`value` as text in which every character that cannot be seen shows as ⟨U+202E⟩."""
    return _UNSEEN.sub(_named, str(value).replace("\r\n", "\n"))

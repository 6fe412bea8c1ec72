"""People are told of what waits for them and of what went wrong: by e-mail, ntfy and Slack.

messages  what is told, whatever the channel
outbox    a row for each channel, made in the transaction of what it tells of
sending   the rows are sent by a worker, and tried again for about a day
links     the way from a message to its page: signed, for one use a person, with an end
mail, ntfy, slack  a message as each of them takes it

Which channels there are and what each is told of says `AURA_NOTIFY` (`aura.config`). One event
makes one row a channel, whoever tells of it twice; many at once become one message
(`sending.DIGEST`). A message asks and never decides: it leads to a page, after login.

The senders are our own and not Apprise's. Apprise 2.2.0 was measured: 277 modules and 16 MB with
its ten dependencies; its import and two addresses cost 1.3 s and 40 MB in a process; and it posts
through requests, which looks names up by itself and reads the environment's proxies, past the guard
of `aura.kernel.outbound`. What it would replace is `ntfy.py` and `slack.py`, forty lines each.
"""

from governance.notices.messages import HIGH, LOW, NORMAL, URGENT, Kind, Message
from governance.notices.outbox import forget_old, tell, withdraw

__all__ = [
    "HIGH",
    "LOW",
    "NORMAL",
    "URGENT",
    "Kind",
    "Message",
    "forget_old",
    "tell",
    "withdraw",
]

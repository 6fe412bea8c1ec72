"""Server-sent events: GET /api/tickets/:id/stream and GET /api/stream (Aura document, Streaming).

door      what may be opened, decided before a stream begins
app       the ASGI application
reader    one open stream: its queue, its place in the log, its heartbeat
hub       of one event loop: reads what is new once, hands it to every reader
bell      Redis says that the log has grown; nothing is lost without it, only later
places    how many streams an address has open, over all processes
lanes     the few threads that read the database
log       the log as streams see it, behind django-eventstream's interfaces
"""

from tickets.stream.app import app
from tickets.stream.bell import announce
from tickets.stream.log import Channels, LogStorage

__all__ = ["Channels", "LogStorage", "announce", "app"]

"""`manage.py serve witness`: watches the logs of other installations; no database, no Redis."""

from __future__ import annotations

from collections.abc import Callable

import uvicorn

from aura.config import Settings
from aura.embedded.process import make_directory
from aura.kernel.localkey import read_or_make
from aura.serving.sockets import bind_all
from governance.audit.keys import new_name
from governance.audit.notes import COSIGNATURE, BadNote, SecretKey
from governance.witness.asgi import application
from governance.witness.memory import Memory
from governance.witness.server import Witness, watched


class CannotWitness(Exception):
    """The text says what is missing."""


def witness_of(config: Settings) -> Witness:
    """The witness of this data directory. Raises `CannotWitness`."""
    if config.witness_logs is None:
        raise CannotWitness(
            "AURA_WITNESS_LOGS: name a file with the public key of each log to watch, one a line"
            " (`manage.py log_key` of the other installation prints it)"
        )
    make_directory(config.data)
    path = config.data / "keys" / "witness.key"
    try:
        logs = watched(config.witness_logs.read_text().splitlines())
        made = read_or_make(path, lambda: SecretKey.made(new_name(), COSIGNATURE).text + "\n")
        return Witness(SecretKey.read(made), logs, Memory(config.data / "witness.sqlite3"))
    except (BadNote, OSError) as error:
        raise CannotWitness(str(error)) from None


def serve_witness(config: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Serve until a signal; `on_ready` is told our public key. Raises `CannotBind` too."""
    witness = witness_of(config)
    sockets = bind_all(config.server_host, [("witness", "AURA_WITNESS_PORT", config.witness_port)])
    settings = uvicorn.Config(
        application(witness), lifespan="off", log_config=None, access_log=False, ws="none"
    )
    on_ready(witness.key.public.text)
    uvicorn.Server(settings).run(sockets=sockets)

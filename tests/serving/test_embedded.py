"""The embedded PostgreSQL and Redis."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from aura import embedded
from aura.config import Settings
from aura.embedded import Embedded, Places, ServiceError
from aura.embedded import postgres as postgres_module
from aura.embedded.places import SOCKET_PATH_LIMIT
from aura.embedded.process import make_private
from tests.serving.instance import ROOT, eventually


def services(data: Path) -> Embedded:
    return Embedded(data, durable=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One directory for the module: initdb is the expensive part."""
    return tmp_path_factory.mktemp("embedded") / "da ta"


@pytest.fixture
def running(data: Path) -> Iterator[Embedded]:
    with services(data) as started:
        yield started


def ask(places: Places) -> tuple[object, ...]:
    with psycopg.connect(places.database_url()) as connection:
        row = connection.execute("SELECT current_user, current_database()").fetchone()
    assert row is not None
    return row


def postmaster(places: Places) -> int:
    return int((places.postgres / "postmaster.pid").read_text().split()[0])


def test_the_urls_are_known_before_anything_runs(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "x y", database_url="", redis_url="")
    assert embedded.database_url(settings) == (f"postgresql://aura@/aura?host={tmp_path}/x%20y/run")
    assert embedded.redis_url(settings) == f"unix://{tmp_path}/x%20y/run/redis.sock?db=0"
    assert not (tmp_path / "x y").exists()


def test_configured_urls_win(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, database_url="postgresql://db/aura", redis_url="redis://broker/1"
    )
    assert embedded.database_url(settings) == "postgresql://db/aura"
    assert embedded.redis_url(settings) == "redis://broker/1"
    assert Embedded.of(settings).services == []


def test_a_long_path_moves_the_sockets_to_a_short_directory(tmp_path: Path) -> None:
    deep = Places(tmp_path / ("d" * 120))
    assert len(bytes(deep.postgres_socket)) <= SOCKET_PATH_LIMIT
    assert deep.sockets == Places(tmp_path / ("d" * 120)).sockets
    assert deep.sockets != Places(tmp_path / ("e" * 120)).sockets


def test_services_under_a_long_path_start_and_stop(tmp_path: Path) -> None:
    with services(tmp_path / ("d" * 120)) as deep:
        assert ask(deep.places) == ("aura", "aura")
        assert stat.S_IMODE(deep.places.sockets.stat().st_mode) == 0o700
    assert not deep.services[0].answers()


def test_a_short_directory_of_someone_else_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory of someone else")
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(ServiceError, match="belongs to user 12345"):
        make_private(tmp_path)


def test_both_services_answer_as_an_ordinary_database_user(running: Embedded) -> None:
    assert ask(running.places) == ("aura", "aura")
    with psycopg.connect(running.places.database_url()) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False, True)
    with redis.Redis.from_url(running.places.redis_url()) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("save") == {"save": ""}


def test_the_database_is_durable_unless_asked_otherwise(tmp_path: Path) -> None:
    with (
        Embedded(tmp_path, redis=False) as durable,
        psycopg.connect(durable.places.database_url()) as connection,
    ):
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_running_services_are_shared_and_the_last_user_stops_them(
    data: Path, running: Embedded
) -> None:
    before = postmaster(running.places)
    second = services(data)
    second.start()
    assert postmaster(running.places) == before
    assert second.stop() is False
    assert ask(running.places) == ("aura", "aura")
    assert running.stop() is True
    assert not any(service.answers() for service in running.services)


def test_services_left_by_a_killed_process_are_taken_over(data: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from aura.embedded import Embedded;"
        "Embedded(Path(sys.argv[1]), durable=False).start(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script, str(data)], cwd=ROOT, check=False
    )
    assert done.returncode == -signal.SIGKILL
    left = postmaster(Places(data))
    with services(data) as heir:
        assert postmaster(heir.places) == left
        assert ask(heir.places) == ("aura", "aura")
    eventually(lambda: not Path(f"/proc/{left}").exists())


def test_what_died_is_started_again(running: Embedded) -> None:
    assert running.heal() == []
    with redis.Redis.from_url(running.places.redis_url()) as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
    os.kill(postmaster(running.places), signal.SIGKILL)
    eventually(lambda: not any(service.answers() for service in running.services))
    assert running.heal() == ["PostgreSQL", "Redis"]
    assert ask(running.places) == ("aura", "aura")


def test_a_platform_without_a_binary_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "packaged", lambda *_: None)
    with pytest.raises(ServiceError, match=r"install a PostgreSQL .* set AURA_DATABASE_URL="):
        services(tmp_path).start()


def test_a_directory_of_another_version_is_left_alone(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.postgres.mkdir(mode=0o700)
    (places.postgres / "PG_VERSION").write_text("16\n")
    with pytest.raises(ServiceError, match="was made by PostgreSQL 16"):
        services(tmp_path).start()

"""Log files of children."""

from __future__ import annotations

from pathlib import Path

from aura.serving.logs import KEEP_BYTES, trim


def test_a_long_log_moves_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * (KEEP_BYTES + 1))
        trim(tmp_path)
        writer.write(b"next\n")
    assert log.read_bytes() == b"next\n"
    assert (tmp_path / "worker.log.1").stat().st_size == KEEP_BYTES + 1


def test_a_short_log_stays(tmp_path: Path) -> None:
    (tmp_path / "beat.log").write_text("one line\n")
    trim(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["beat.log"]

"""The secret key of an installation without a configured one."""

from __future__ import annotations

import stat
from multiprocessing import get_context
from pathlib import Path

import pytest

from aura.config import ConfigError
from aura.kernel.localkey import read_or_make


def test_a_key_is_made_once_and_kept(tmp_path):
    path = tmp_path / "data" / "secret.key"
    key = read_or_make(path)
    assert len(key) >= 50
    assert read_or_make(path) == key == path.read_text()


def test_two_installations_have_two_keys(tmp_path):
    assert read_or_make(tmp_path / "a") != read_or_make(tmp_path / "b")


def test_nobody_else_can_read_it(tmp_path):
    path = tmp_path / "data" / "secret.key"
    read_or_make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_directory_that_cannot_be_used_is_a_readable_line():
    with pytest.raises(ConfigError, match=r"^AURA_DATA_DIR: /proc/aura cannot be used: "):
        read_or_make(Path("/proc/aura/secret.key"))


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    path = tmp_path / "secret.key"
    with get_context("fork").Pool(4) as processes:
        keys = processes.map(read_or_make, [path] * 8, chunksize=1)
    assert set(keys) == {path.read_text()}
    assert [each.name for each in tmp_path.iterdir()] == ["secret.key"]

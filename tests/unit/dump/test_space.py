"""Room for a dump: what a file system says of itself, and what is refused for it."""

import os

import pytest

from dotdump.dump import handover
from dotdump.dump.doctor.gather import gather
from dotdump.dump.space import free_bytes, require_space
from dotdump.errors import OutputRefused

BLOCK = 4096


def room(blocks: int, available: int) -> os.statvfs_result:
    return os.statvfs_result((BLOCK, BLOCK, blocks, available, available, 0, 0, 0, 0, 255))


def test_what_is_free_is_what_we_may_have() -> None:
    assert free_bytes(room(100, 7)) == 7 * BLOCK
    assert free_bytes(room(100, 0)) == 0
    assert free_bytes(room(0, 0)) is None


def claims(monkeypatch: pytest.MonkeyPatch, said: os.statvfs_result) -> None:
    monkeypatch.setattr(os, "fstatvfs", lambda _: said)
    monkeypatch.setattr(os, "statvfs", lambda _: said)


def test_too_little_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    claims(monkeypatch, room(100, 0))
    assert gather(None).output.free == 0
    with pytest.raises(OutputRefused, match="0 kB are free"):
        require_space(0, "core", 5)
    with pytest.raises(OutputRefused, match="0 kB free"):
        handover._require_room(0, 5)


def test_where_no_sizes_are_told_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    claims(monkeypatch, room(0, 0))
    assert gather(None).output.free is None
    require_space(0, "core", 5)
    handover._require_room(0, 5)

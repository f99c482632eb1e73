from __future__ import annotations

import os
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from dotdump.clr.graph import index_file, index_seal
from dotdump.clr.graph.index_file import IndexContents, read_index, write_index
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

OWNER = bytes(range(32))
NUMBERS = array("I", range(400_000))
"""More than is checked each time."""


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "numbers"
    write_index(str(path), OWNER, IndexContents({"few": memoryview(b"few"), "many": memoryview(NUMBERS)}))
    return path


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where checking of columns began, each time."""
    found: list[int] = []
    check = index_file._checksum

    def note(descriptor: int, place: int) -> int:
        found.append(place)
        return check(descriptor, place)

    monkeypatch.setattr(index_file, "_checksum", note)
    return found


def lose_a_block(path: Path) -> None:
    """Zero a page as a machine does that goes down: the time of the last change stays."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(1 << 20)
        file.write(bytes(4096))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def start_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, boot: str = "1") -> None:
    identity = tmp_path / "boot_id"
    identity.write_text(f"00000000-0000-0000-0000-{boot:0>12}\n", "ascii")
    monkeypatch.setattr(index_seal, "_BOOT_ID", str(identity))


def numbers(path: Path) -> list[int]:
    return read_index(str(path), OWNER).columns["many"].tolist()


def test_a_large_index_is_checked_where_something_can_have_happened(
    index: Path, checks: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert numbers(index) == NUMBERS.tolist()
    assert not checks
    index.touch()
    assert numbers(index) == NUMBERS.tolist()
    assert len(checks) == 1
    start_again(monkeypatch, tmp_path)
    assert numbers(index) == numbers(index) == NUMBERS.tolist()
    assert len(checks) == 2


def test_a_kernel_without_a_boot_id_has_it_checked_each_time(
    index: Path, checks: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_seal, "_BOOT_ID", str(tmp_path / "none"))
    assert numbers(index) == numbers(index)
    assert len(checks) == 2


def test_an_index_that_cannot_be_sealed_is_used(
    index: Path, checks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    write_index(str(index), OWNER, IndexContents({"many": memoryview(NUMBERS)}))
    assert numbers(index) == numbers(index) == NUMBERS.tolist()
    assert len(checks) == 2


def test_a_block_that_a_machine_lost_as_it_went_down_is_found(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_a_block(index)
    start_again(monkeypatch, tmp_path)
    with pytest.raises(FormatError, match="its columns are damaged"):
        numbers(index)


def test_a_bit_of_a_small_index_changes_nothing_or_has_it_refused(tmp_path: Path) -> None:
    path = tmp_path / "small"
    write_index(str(path), OWNER, IndexContents({"few": memoryview(array("Q", [1, 2, 3]))}))
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 7):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        with suppress(FormatError):
            assert read_index(str(path), OWNER).columns["few"].tolist() == [1, 2, 3]

from pathlib import Path

import pytest

from dotdump.linux.headroom import MemoryGroup
from dotdump.linux.smaps import MemoryUse
from dotdump.linux.unfrozen import CAP
from dotdump.target.snapshot_risks import LEAST_HEADROOM, find_risk, most_copied

MIB = 1 << 20


def group(directory: Path, room: int, kill: int = 0) -> MemoryGroup:
    for name, value in (("limit", room), ("use", 0), ("memory.oom.group", kill)):
        (directory / name).write_text(f"{value}\n")
    return MemoryGroup(str(directory), "limit", "use")


def risk(use: MemoryUse, *groups: MemoryGroup) -> str:
    return find_risk(use, list(groups), shadow_stack=False) or ""


def test_an_ordinary_process_has_no_risk(tmp_path: Path) -> None:
    assert risk(MemoryUse(MIB, MIB), group(tmp_path, LEAST_HEADROOM + 3 * MIB)) == ""


def test_room_for_a_copy_of_what_it_shares_is_asked_for(tmp_path: Path) -> None:
    assert "a copy of what it shares" in risk(MemoryUse(0, 10 * MIB), group(tmp_path, LEAST_HEADROOM + 19 * MIB))
    assert risk(MemoryUse(0, 10 * MIB), group(tmp_path, LEAST_HEADROOM + 20 * MIB)) == ""


@pytest.mark.parametrize(("room", "most"), [(0, 0), (20 * MIB, 10 * MIB), (4096 * MIB, CAP)])
def test_no_more_is_copied_than_there_is_room_for(room: int, most: int, tmp_path: Path) -> None:
    assert most_copied([group(tmp_path, LEAST_HEADROOM + room)]) == most


@pytest.mark.parametrize("flag", ["um", "uw", "ui"])
def test_userfaultfd_is_a_risk(flag: str) -> None:
    assert "userfaultfd" in risk(MemoryUse(flags=frozenset({"rd", "wr", flag})))


def test_private_huge_pages_are_a_risk_and_shared_ones_are_not() -> None:
    assert "huge pages" in risk(MemoryUse(flags=frozenset({"ht"}), private_flags=frozenset({"ht"})))
    assert risk(MemoryUse(flags=frozenset({"ht"}))) == ""


def test_much_shared_memory_is_a_risk() -> None:
    assert risk(MemoryUse(shared=256 * MIB)) == ""
    assert "257 MiB of shared memory" in risk(MemoryUse(shared=257 * MIB))


def test_shadow_stacks_are_a_risk() -> None:
    assert "shadow stacks" in (find_risk(MemoryUse(), [], shadow_stack=True) or "")


def test_room_for_a_quarter_of_what_is_resident_is_asked_for(tmp_path: Path) -> None:
    enough = LEAST_HEADROOM + 100 * MIB
    assert risk(MemoryUse(400 * MIB), group(tmp_path, enough)) == ""
    assert "164 MiB" in risk(MemoryUse(400 * MIB), group(tmp_path, enough - MIB))


def test_a_group_that_is_killed_as_a_whole_is_a_risk(tmp_path: Path) -> None:
    assert "memory.oom.group" in risk(MemoryUse(), group(tmp_path, 1 << 40, kill=1))

from pathlib import Path

import pytest

from dotdump.linux.headroom import MemoryGroup
from dotdump.linux.maps import RegionUse
from dotdump.memory.region import Protection, Region
from dotdump.target.snapshot_risks import LEAST_HEADROOM, find_risk

READ_WRITE = Protection.READ | Protection.WRITE
MIB = 1 << 20


def use(flags: str = "rd wr mr mw me ac", size: int = 1, *, shared: bool = False) -> RegionUse:
    return RegionUse(
        Region(0x1000, 0x1000 + size * MIB, READ_WRITE, shared=shared), size * MIB, frozenset(flags.split())
    )


def group(directory: Path, room: int, kill: int = 0) -> MemoryGroup:
    for name, value in (("limit", room), ("use", 0), ("memory.oom.group", kill)):
        (directory / name).write_text(f"{value}\n")
    return MemoryGroup(str(directory), "limit", "use")


def risk(*uses: RegionUse, groups: tuple[MemoryGroup, ...] = ()) -> str:
    return find_risk(uses, list(groups), shadow_stack=False) or ""


def test_an_ordinary_process_has_no_risk(tmp_path: Path) -> None:
    assert risk(use(), use(shared=True), groups=(group(tmp_path, LEAST_HEADROOM + MIB),)) == ""


@pytest.mark.parametrize("flag", ["um", "uw", "ui"])
def test_userfaultfd_is_a_risk(flag: str) -> None:
    assert "userfaultfd" in risk(use(), use(f"rd wr {flag}"))


def test_private_huge_pages_are_a_risk_and_shared_ones_are_not() -> None:
    assert "huge pages" in risk(use("rd wr ht"))
    assert risk(use("rd wr ht", shared=True)) == ""


def test_much_shared_memory_is_a_risk() -> None:
    assert risk(use(size=256, shared=True)) == ""
    assert "257 MiB of shared memory" in risk(use(size=256, shared=True), use(shared=True))


def test_shadow_stacks_are_a_risk() -> None:
    assert "shadow stacks" in (find_risk([use()], [], shadow_stack=True) or "")


def test_room_for_a_quarter_of_what_is_resident_is_asked_for(tmp_path: Path) -> None:
    enough = LEAST_HEADROOM + 100 * MIB
    assert risk(use(size=400), groups=(group(tmp_path, enough),)) == ""
    assert "164 MiB" in risk(use(size=400), groups=(group(tmp_path, enough - MIB),))


def test_a_group_that_is_killed_as_a_whole_is_a_risk(tmp_path: Path) -> None:
    assert "memory.oom.group" in risk(use(), groups=(group(tmp_path, 1 << 40, kill=1),))

"""Which mappings below /dev are of devices, and which are memory."""

import os
from pathlib import Path

from dotdump.dump.plan import FilePages, full
from dotdump.dump.segments import Why
from dotdump.linux.devices import devices_of
from dotdump.memory.region import Protection, Region

RW = Protection.READ | Protection.WRITE
PATHS = (
    "/dev/pool/file",
    "/dev/card",
    "/dev/gone",
    "/dev/shm/x",
    "/dev/zero",
    "/dev/shm/y (deleted)",
    "/data/file",
    "",
)
REGIONS = [Region(0x1000 * row, 0x1000 * (row + 1), RW, 0, path) for row, path in enumerate(PATHS, start=1)]


def names(starts: frozenset[int]) -> set[str]:
    return {region.path for region in REGIONS if region.start in starts}


def test_a_file_below_dev_is_asked_what_it_is_and_one_that_cannot_be_seen_is_known_by_its_name(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "dev" / "pool").mkdir(parents=True)
    (root / "dev" / "pool" / "file").write_bytes(b"")
    os.mkfifo(root / "dev" / "card")
    assert names(devices_of(REGIONS, [str(root)])) == {"/dev/card", "/dev/gone"}
    assert names(devices_of(REGIONS)) == {"/dev/pool/file", "/dev/card", "/dev/gone"}


def test_a_device_below_the_dev_of_a_chroot_is_one(tmp_path: Path) -> None:
    root, region = tmp_path / "root", Region(0x1000, 0x2000, RW, 0, "/srv/jail/dev/card")
    (root / "dev").mkdir(parents=True)
    os.mkfifo(root / "dev" / "card")
    assert devices_of([region], [str(root)], "/srv/jail") == {0x1000}
    assert devices_of([region], [str(root)]) == frozenset()


def test_the_kernel_says_what_a_file_without_a_name_is(tmp_path: Path) -> None:
    region = Region(0x1000, 0x2000, RW, 0, "/dev/pool/file (deleted)")
    (tmp_path / "map_files").mkdir()
    (tmp_path / "map_files" / "1000-2000").write_bytes(b"")
    assert devices_of([region], [f"{tmp_path}/root"]) == frozenset()
    assert devices_of([region]) == {0x1000}


def test_a_plan_leaves_out_the_devices_it_is_told_and_else_what_looks_like_one() -> None:
    told = full(REGIONS, files=FilePages(devices=frozenset({0x2000})))
    assert [segment.start for segment in told.segments if segment.why is Why.DEVICE] == [0x2000]
    guessed = full(REGIONS)
    assert [segment.start for segment in guessed.segments if segment.why is Why.DEVICE] == [0x1000, 0x2000, 0x3000]

from pathlib import Path

import pytest

from dotdump.linux.cgroup import parse_cgroup
from dotdump.linux.headroom import MemoryGroup, dies_as_a_group, headroom, memory_groups, tightest
from dotdump.linux.mounts import parse_mountinfo
from dotdump.linux.proc import Proc

LIMIT, USE = "memory.max", "memory.current"


def group(directory: Path, limit: str, use: str = "0", kill: str | None = None) -> MemoryGroup:
    directory.mkdir(exist_ok=True)
    for name, text in ((LIMIT, limit), (USE, use), ("memory.oom.group", kill)):
        if text is not None:
            (directory / name).write_text(text + "\n")
    return MemoryGroup(str(directory), LIMIT, USE)


def test_the_tightest_group_decides(tmp_path: Path) -> None:
    wide, tight = group(tmp_path / "wide", "9000000"), group(tmp_path / "tight", "5000", "2000")
    assert headroom([wide]) == 9000000
    assert headroom([tight, wide]) == headroom([wide, tight]) == 3000


def test_files_that_the_kernel_would_give_up_leave_room(tmp_path: Path) -> None:
    (tmp_path / "memory.stat").write_text("anon 1\nactive_file 7\ninactive_file 1500\nodd\n")
    assert headroom([group(tmp_path, "5000", "2000")]) == 4500


def test_a_group_over_its_limit_has_no_room(tmp_path: Path) -> None:
    assert headroom([group(tmp_path, "5000", "6000")]) == 0


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "nonsense"])
def test_a_group_without_a_limit_leaves_what_the_machine_has(limit: str, tmp_path: Path) -> None:
    assert headroom([group(tmp_path, limit)]) > 1 << 20


def test_a_group_that_is_gone_bounds_nothing(tmp_path: Path) -> None:
    assert headroom([MemoryGroup(str(tmp_path / "gone"), LIMIT, USE)]) > 1 << 20


@pytest.mark.parametrize(("kill", "together"), [("1", True), ("0", False), (None, False)])
def test_groups_that_die_together_are_known(kill: str | None, together: bool, tmp_path: Path) -> None:
    assert dies_as_a_group([group(tmp_path, "max", kill=kill)]) is together


def test_the_tightest_group_is_told_with_its_directory(tmp_path: Path) -> None:
    wide, tight = group(tmp_path / "wide", "9000"), group(tmp_path / "tight", "5000", "2000")
    assert tightest([wide, tight, group(tmp_path / "free", "max")]) == (3000, str(tmp_path / "tight"))
    assert tightest([group(tmp_path / "free", "max")]) == tightest([]) == (None, "")


@pytest.mark.parametrize(
    ("cgroups", "mount", "inside"),
    [
        (b"0::/app/web\n", "/ {0} rw - cgroup2 cgroup2 rw", ["app/web", "app", ""]),
        (b"0::/docker/7f/web\n", "/docker/7f {0} rw - cgroup2 cgroup2 rw", ["web", ""]),
        (b"0::/docker/7fapp/web\n", "/docker/7f {0} rw - cgroup2 cgroup2 rw", [""]),
        (b"0::/../../other\n", "/ {0} rw - cgroup2 cgroup2 rw", [""]),
        (b"4:memory:/app\n3:cpu:/app\n", "/ {0} rw - cgroup cgroup rw,memory", ["app", ""]),
        (b"4:memory:/app\n", "/ {0} rw - cgroup cgroup rw,cpu", []),
    ],
)
def test_groups_are_looked_for_where_their_file_system_is_mounted(
    cgroups: bytes, mount: str, inside: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = "memory.max" if cgroups.startswith(b"0::") else "memory.limit_in_bytes"
    for directory in (tmp_path / part for part in ("", "app", "app/web", "web")):
        directory.mkdir(exist_ok=True)
        (directory / limit).touch()
    mounts = parse_mountinfo(f"30 1 0:26 {mount.format(tmp_path)}".encode())
    monkeypatch.setattr(Proc, "mounts", lambda _: mounts)
    monkeypatch.setattr(Proc, "cgroups", lambda _: parse_cgroup(cgroups))
    assert [found.directory for found in memory_groups(1)] == [f"{tmp_path}/{part}".rstrip("/") for part in inside]
    assert {found.limit for found in memory_groups(1)} <= {limit}


def test_without_a_word_of_the_kernel_what_is_free_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dotdump.linux.headroom._MEMORY", str(tmp_path / "meminfo"))
    free = headroom([])
    monkeypatch.undo()
    assert 1 << 20 < free <= headroom([]) * 1.1

import mmap
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dotdump.errors import AccessDenied, CollectError, FormatError, LimitExceeded, ProcessGone
from dotdump.linux.errors import explain
from dotdump.linux.proc import Proc, file_pieces, read_file


def test_our_own_files_say_what_we_know_of_ourselves() -> None:
    own = Proc(os.getpid())
    assert own.status().pid == own.stat().pid == os.getpid()
    assert own.status().uids[1] == os.geteuid()
    assert own.stat().parent == os.getppid()
    assert Path(own.executable()).samefile(sys.executable)
    assert own.command_line()[0]
    assert os.getpid() in own.tasks()
    assert own.task(os.getpid()).stat().start_time == own.stat().start_time
    assert own.namespace("pid") == Path("/proc/self/ns/pid").stat().st_ino


def test_our_own_maps_and_smaps_agree() -> None:
    own = Proc(os.getpid())
    regions = {region.start: region for region in own.maps()}
    use = own.memory_use()
    assert use.private > 1 << 20
    assert own.status().resident == pytest.approx(use.private + use.shared, rel=0.5)
    assert any(region.path == "[stack]" for region in regions.values())


def test_every_file_of_a_process_that_is_gone_says_so() -> None:
    gone = Proc(0x3FFFFFFF)
    for read in (gone.status, gone.maps, gone.tasks, gone.executable, lambda: gone.namespace("pid")):
        with pytest.raises(ProcessGone, match="process 1073741823"):
            read()


def test_a_refusal_says_who_may_not_do_what() -> None:
    error = explain(PermissionError(13, "Permission denied"), os.getpid(), "read its memory")
    assert isinstance(error, AccessDenied)
    pid, user = os.getpid(), os.geteuid()
    assert error.message == (
        f"cannot read its memory: not allowed for process {pid} of user {user} by user {user} (Permission denied)"
    )
    assert error.hint is not None


def test_any_other_failure_gives_the_reason() -> None:
    error = explain(OSError(5, "ignored"), 7, "read its memory")
    assert type(error) is CollectError
    assert error.message == "cannot read its memory: process 7: Input/output error"


def test_a_limit_of_ours_is_told_as_such_with_the_way_out() -> None:
    error = explain(OSError(24, "ignored"), 7, "read its memory")
    assert type(error) is CollectError
    assert error.message == "cannot read its memory: dotdump may open no more files (Too many open files)"
    assert error.hint is not None


def test_a_file_larger_than_it_can_be_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "endless"
    path.write_bytes(bytes(1 << 18))
    with pytest.raises(LimitExceeded):
        read_file(str(path), limit=1 << 16)


@pytest.mark.parametrize("text", ["12 x", "-1", "N"])
def test_children_that_are_no_numbers_are_refused_with_their_place(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "7" / "task" / "7"
    folder.mkdir(parents=True)
    (folder / "children").write_text("8 9 ")
    assert Proc(7, str(tmp_path)).children() == [8, 9]
    (folder / "children").write_text(text)
    with pytest.raises(FormatError, match="no process ids"):
        Proc(7, str(tmp_path)).children()


def test_a_large_file_comes_in_pieces_up_to_a_limit(tmp_path: Path) -> None:
    content = os.urandom(700_000)
    file = tmp_path / "smaps"
    file.write_bytes(content)
    pieces = [bytes(piece) for piece in file_pieces(str(file), len(content))]
    assert b"".join(pieces) == content
    assert len(pieces) > 2
    with pytest.raises(LimitExceeded, match="more than 300000 bytes"):
        list(file_pieces(str(file), 300_000))


def test_many_regions_come_in_few_system_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    mapped = [mmap.mmap(-1, mmap.PAGESIZE) for _ in range(400)]
    readv, sizes = os.readv, list[int]()

    def counted(descriptor: int, buffers: Sequence[memoryview]) -> int:
        sizes.append(readv(descriptor, buffers))
        return sizes[-1]

    monkeypatch.setattr(os, "readv", counted)
    pieces = [bytes(piece) for piece in file_pieces("/proc/self/smaps", 1 << 30)]
    assert sum(map(len, pieces)) == sum(sizes) > len(mapped) * 500
    assert len(sizes) < sum(sizes) / (4 * mmap.PAGESIZE)


def test_the_pages_of_an_address_space_are_those_of_its_regions() -> None:
    own = Proc(os.getpid())
    mapped = sum(region.size for region in own.maps() if region.path not in ("[vsyscall]", "[vvar]", "[vdso]"))
    assert own.pages() * os.sysconf("SC_PAGESIZE") == pytest.approx(mapped, rel=0.05)


def _stat(directory: Path, tid: int, state: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "stat").write_text(f"{tid} (a b) {state} " + " ".join(["1"] * 40) + "\n")


@pytest.mark.parametrize(("states", "found"), [("SSS", 4711), ("ZZS", 4713), ("ZXZ", 4711)])
def test_a_process_is_looked_at_by_a_thread_that_lives(states: str, found: int, tmp_path: Path) -> None:
    _stat(tmp_path / "4711", 4711, states[0])
    for tid, state in enumerate(states, 4711):
        _stat(tmp_path / "4711" / "task" / str(tid), tid, state)
    living = Proc(4711, str(tmp_path)).living()
    assert (living.pid, living.directory) == (found, str(tmp_path / str(found)))

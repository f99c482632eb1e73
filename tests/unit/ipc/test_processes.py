"""The inventory over a /proc tree of our own making: what is read of whom, and what a crowd costs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dotdump.ipc import processes, runtime_exports
from dotdump.ipc.diagnostics import DiagnosticsState
from dotdump.ipc.processes import find_processes
from dotdump.ipc.runtime_file import RuntimeKind, find_runtime, version_in_path
from dotdump.ipc.state import diagnose_all
from dotdump.linux.open_file import OpenFile

NUMBERS = "S 1 2 3 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 {threads} 0 777 13324288 2408 1"
CORECLR = "/app/shared/Microsoft.NETCore.App/9.0.1/libcoreclr.so"


@pytest.fixture
def proc(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "proc"
    (root / "self" / "task" / "1").mkdir(parents=True)
    yield root
    shutil.rmtree(root)


def add(root: Path, pid: int, maps: str = "", threads: int = 3, name: str = "app") -> Path:
    directory = root / str(pid)
    for tid in range(pid, pid + threads):
        (directory / "task" / str(tid)).mkdir(parents=True)
    (directory / "maps").write_text(maps)
    (directory / "stat").write_text(f"{pid} ({name}) {NUMBERS.format(threads=threads)}")
    (directory / "status").write_text(f"Name:\t{name}\nTgid:\t{pid}\nPid:\t{pid}\nUid:\t0\t0\t0\t0\nNSpid:\t{pid}\t7\n")
    (directory / "environ").write_bytes(f"TMPDIR={root}\0".encode())
    (directory / "cmdline").write_bytes(b"/app/dotnet\0exec\0/app/Billing.dll\0")
    (directory / "cgroup").write_text(f"0::/docker/{'ab' * 32}\n")
    (directory / "exe").symlink_to("/nowhere")
    return directory


def line(path: str) -> str:
    return f"7f0000001000-7f0000003000 r-xp 00000000 fe:01 42      {path}\n"


def test_a_process_is_described_from_its_files(proc: Path) -> None:
    add(proc, 50, line("/lib/libc.so.6") + line(CORECLR) + line("/lib/libm.so.6"))
    (found,) = find_processes(all_users=True, timeout=0.1, root=str(proc))
    assert (found.pid, found.namespace_pid, found.name, found.assembly) == (50, 7, "app", "Billing")
    assert (found.runtime, found.version, found.diagnostics) == (RuntimeKind.CORECLR, "9.0.1", "off")
    assert (found.container, found.start_time) == ("ab" * 32, 777)
    assert find_processes("Billing", all_users=True, timeout=0.1, root=str(proc)) == [found]
    assert find_processes("app", all_users=True, timeout=0.1, root=str(proc)) == [found]
    assert find_processes("other", all_users=True, timeout=0.1, root=str(proc)) == []


@pytest.mark.parametrize(("path", "version"), [(CORECLR, "9.0.1"), ("/app/libcoreclr.so", "")])
def test_a_runtime_whose_file_was_removed_is_one_still(proc: Path, path: str, version: str) -> None:
    add(proc, 50, line(f"{path} (deleted)"))
    (found,) = find_processes(all_users=True, timeout=0.1, root=str(proc))
    assert (found.runtime, found.version) == (RuntimeKind.CORECLR, version)
    runtime = find_runtime(50, str(proc))
    assert runtime is not None
    assert runtime.path == f"{path} (deleted)"


def test_a_runtime_in_a_chroot_has_the_path_that_its_process_knows(proc: Path, tmp_path: Path) -> None:
    jail = tmp_path / "jail"
    jail.mkdir()
    add(proc, 50, line(f"{jail}{CORECLR}")).joinpath("root").symlink_to(jail)
    runtime = find_runtime(50, str(proc))
    assert runtime is not None
    assert runtime.path == CORECLR


def test_two_thousand_others_cost_one_look_each(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for pid in range(1000, 3000):
        (proc / str(pid) / "task" / str(pid)).mkdir(parents=True)
    add(proc, 50, line(CORECLR))
    opened: list[str] = []
    read = os.open

    def counted(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        opened.append(path)
        return read(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", counted)
    assert [found.pid for found in find_processes(all_users=True, timeout=0.1, root=str(proc))] == [50]
    assert not [path for path in opened if "/50/" not in path and str(proc) in path]


@contextmanager
def echoing(environment: dict[str, str]) -> Iterator[int]:
    """Run a program that has its environment by now: it has answered."""
    with subprocess.Popen("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as cat:
        assert cat.stdin is not None
        assert cat.stdout is not None
        cat.stdin.write(b"\n")
        cat.stdin.flush()
        assert cat.stdout.readline() == b"\n"
        yield cat.pid


def test_a_directory_of_sockets_is_listed_once_however_many_processes_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    names = os.listdir

    def counted(path: str) -> list[str]:
        listed.append(path)
        return names(path)

    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with ExitStack() as running:
        pids = [running.enter_context(echoing(environment)) for _ in range(3)]
        monkeypatch.setattr(os, "listdir", counted)
        found = diagnose_all(pids, timeout=5)
    assert [answer.state for answer in found.values()] == [DiagnosticsState.OFF] * 3
    assert listed == [str(tmp_path)]


def test_where_links_do_not_count_threads_nobody_is_passed_over(proc: Path) -> None:
    shutil.rmtree(proc / "self")
    add(proc, 50, line(CORECLR), threads=1)
    assert [found.pid for found in find_processes(all_users=True, timeout=0.1, root=str(proc))] == [50]


@pytest.mark.parametrize(
    "path",
    [
        "/a/libcoreclr.so.bak",
        "/a/mylibcoreclr.so",
        "/a/libcoreclr.so.bak (deleted)",
        "/a/libcoreclr.so (deleted) ",
        "/a/libcoreclr.so/x",
        "[anon:/libcoreclr.so]",
    ],
)
def test_a_name_that_is_only_like_a_runtimes_is_none(proc: Path, path: str) -> None:
    add(proc, 50, line(path))
    assert find_runtime(50, str(proc)) is None


@pytest.mark.parametrize("before", [0, 1, 300, 1500])
def test_a_runtime_is_found_wherever_it_lies_in_the_maps(proc: Path, before: int) -> None:
    add(proc, 50, line("/x" * 30) * before + line(CORECLR) + line("/y") * 5)
    found = find_runtime(50, str(proc))
    assert found is not None
    assert found.path == CORECLR


@pytest.mark.parametrize("before", [0, 1500])
@pytest.mark.parametrize("path", [CORECLR, CORECLR.replace("libcoreclr", "libmonosgen-2.0")])
def test_a_runtime_is_found_whose_file_was_removed_or_replaced(proc: Path, path: str, before: int) -> None:
    add(proc, 50, line(f"{path}.bak") * before + line(f"{path} (deleted)") + line("/y") * 5)
    found = find_runtime(50, str(proc))
    assert found is not None
    assert found.kind == (RuntimeKind.CORECLR if path == CORECLR else RuntimeKind.MONO)
    assert (found.path, found.version) == (f"{path} (deleted)", "9.0.1")


def test_mono_and_an_escaped_newline(proc: Path) -> None:
    add(proc, 50, line("/opt/two\\012lines/libmonosgen-2.0.so"))
    found = find_runtime(50, str(proc))
    assert found is not None
    assert (found.kind, found.path) == (RuntimeKind.MONO, "/opt/two\nlines/libmonosgen-2.0.so")


def test_an_executable_is_looked_into_once(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    inspect = runtime_exports._inspect

    def counted(file: OpenFile) -> tuple[str | None, str]:
        seen.append(file.name)
        return inspect(file)

    monkeypatch.setattr(runtime_exports, "_inspect", counted)
    monkeypatch.setattr(runtime_exports, "_KNOWN", {})
    for pid in range(50, 60):
        add(proc, pid * 10).joinpath("exe").unlink()
        (proc / str(pid * 10) / "exe").symlink_to(sys.executable)
        assert find_runtime(pid * 10, str(proc)) is None
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("path", "version"),
    [(CORECLR, "9.0.1"), ("/app/libcoreclr.so", ""), ("/Microsoft.NETCore.App/libcoreclr.so", "")],
)
def test_the_version_is_a_part_of_the_path_of_a_shared_runtime(path: str, version: str) -> None:
    assert version_in_path(path) == version


@pytest.mark.parametrize(
    ("comm", "command", "name"),
    [
        ("dotnet", ("/usr/bin/dotnet",), "dotnet"),
        ("Billing.Service", ("/app/Billing.Service.Host",), "Billing.Service.Host"),
        ("Billing.Service", (), "Billing.Service"),
        ("renamed", ("/app/Billing",), "renamed"),
    ],
)
def test_a_name_that_the_kernel_cut_is_taken_from_the_command_line(
    comm: str, command: tuple[str, ...], name: str
) -> None:
    assert processes._program(comm, command) == name

import ctypes
import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from corpus import corpus, missing, runtimes
from dotdump.analysis.managed_stacks import list_stacks
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.dump.write import write_core
from dotdump.errors import AccessDenied, ProcessGone
from dotdump.formats.core_notes import CORE, NoteType, parse_prstatus
from dotdump.formats.registers import X86_64
from dotdump.linux import ptrace, ptrace_stop
from dotdump.linux.proc import Proc
from dotdump.target.core import CoreTarget, open_core
from dotdump.target.process import ProcessTarget, open_process
from dotdump.target.snapshot import SnapshotTarget, open_snapshot
from native import Native, compiled, native

pytestmark = pytest.mark.live

TGKILL = 234


def runs(process: Native) -> bool:
    before = int(process.ask())
    time.sleep(0.02)
    return int(process.ask()) > before


@pytest.mark.parametrize("count", [0, 7, 400])
def test_every_thread_stands_still_while_open_and_runs_on_afterwards(count: int) -> None:
    with native("threads", str(count)) as process:
        before = process.states()
        with open_process(process.pid) as target:
            assert {thread.tid for thread in target.threads} == set(before)
            assert set(process.states().values()) == {"t"}
            assert target.threads[0].tid == process.pid
            assert target.process.name == "threads"
        assert runs(process)
        assert set(process.states().values()) <= {"S", "R"}
        assert {thread.name for thread in target.threads} == ({"threads", "sleeper"} if count else {"threads"})


def test_registers_point_into_code_and_stack_that_can_be_read() -> None:
    with native("threads", "3") as process, open_process(process.pid) as target:
        for thread in target.threads:
            assert target.memory.read(thread.instruction_pointer - 2, 2) == b"\x0f\x05"
            assert len(target.memory.read(thread.stack_pointer, 64)) == 64
            assert thread.registers["orig_rax"] in (1, 7, 34)


@pytest.mark.parametrize("way", [open_process, open_snapshot])
def test_signals_that_wait_for_a_thread_are_told_of_that(way: Callable[[int], ProcessTarget | SnapshotTarget]) -> None:
    sent = [signal.SIGUSR2, *[signal.SIGRTMIN] * 300, signal.SIGRTMAX]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, *sent})
    try:
        with native("threads", "1") as process:
            os.kill(process.pid, signal.SIGUSR1)  # waits for any of them
            for number in sent:
                assert ctypes.CDLL(None).syscall(TGKILL, process.pid, process.pid, number) == 0
            with way(process.pid) as target:
                notes = [thread.notes[CORE, int(NoteType.PRSTATUS)] for thread in target.threads]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    expected = sum(1 << number - 1 for number in set(sent))
    assert [parse_prstatus(note, X86_64).sigpend for note in notes] == [expected, 0]


def descendants(pid: int) -> list[int]:
    """Return a process, its only child, the only child of that, and so on."""
    children = Proc(pid).children()
    return [pid, *(descendants(children[0]) if children else [])]


def test_who_a_process_belongs_to_is_told_as_its_own_namespace_numbers_it() -> None:
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or unshare is None:
        missing("no root or unshare")
    shell = f"setsid {compiled('threads')} 0; true"
    command = [unshare, "--pid", "--fork", "--kill-child", "sh", "-c", shell]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert Native(process).read_line() == "ready"
        _, init, inner = descendants(process.pid)
        found = []
        for pid in (init, inner):
            with open_process(pid) as target:
                found.append(target.process)
        process.kill()
    assert [(one.pid, one.ppid, one.pgrp, one.sid) for one in found] == [(1, 0, 0, 0), (2, 1, 2, 2)]


def test_a_stopped_process_stays_stopped() -> None:
    with native("threads", "3") as process:
        os.kill(process.pid, signal.SIGSTOP)
        _wait_for_states(process, {"T"})
        with open_process(process.pid) as target:
            assert len(target.threads) == 4
        _wait_for_states(process, {"T"})
        os.kill(process.pid, signal.SIGCONT)
        assert runs(process)


@pytest.mark.parametrize("opened", [open_process, open_snapshot])
def test_one_that_nobody_closes_is_let_go_as_it_is_let_go_of(opened: Callable[[int], object]) -> None:
    with native("threads", "3") as process:
        target = opened(process.pid)
        assert target
        del target
        gc.collect()
        assert runs(process)
        assert Proc(process.pid).children() == []


def test_a_thread_that_sleeps_uninterruptibly_is_reported_and_not_waited_for() -> None:
    with native("threads", "3", "vfork") as process:
        begun = time.monotonic()
        with open_process(process.pid) as target:
            assert time.monotonic() - begun < 2
            assert any("slept uninterruptibly" in problem for problem in target.problems)
            assert len(target.threads) == 4
            late = next(thread for thread in target.threads if thread.name == "parent")
            assert late.instruction_pointer
            process.end_children()
        assert target.problems == [problem for problem in target.problems if "still sleep" not in problem]
        assert runs(process)
        _wait_for_states(process, {"S", "R"})


def test_whatever_ends_us_the_process_runs_on() -> None:
    script = (
        "import sys, time; from dotdump.target.process import open_process\n"
        "target = open_process(int(sys.argv[1])); print('open', flush=True); time.sleep(60)"
    )
    with native("threads", "20") as process:
        holder = subprocess.Popen([sys.executable, "-c", script, str(process.pid)], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        assert set(process.states().values()) == {"t"}
        holder.kill()
        holder.wait()
        holder.stdout.close()
        assert runs(process)


def test_a_process_that_is_traced_already_is_left_alone_and_the_tracer_named() -> None:
    with native("threads", "1") as process, open_process(process.pid):
        script = (
            "import sys; from dotdump.errors import AccessDenied; from dotdump.target.process import open_process\n"
            "try: open_process(int(sys.argv[1]))\nexcept AccessDenied as error: print(error)"
        )
        command = [sys.executable, "-c", script, str(process.pid)]
        refused = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        assert f"already traced by process {os.getpid()}" in refused.stdout


def test_where_one_thread_cannot_be_seized_the_others_are_let_go() -> None:
    if shutil.which("strace") is None:
        missing("no strace")
    with native("threads", "7") as process:
        last = max(process.tids)
        with subprocess.Popen(["strace", "-qq", "-o", os.devnull, "-p", str(last)]) as tracer:
            _wait_for_tracer(process.pid, last, tracer.pid)
            with pytest.raises(AccessDenied, match=rf"already traced by process {tracer.pid} \(strace\)"):
                open_process(process.pid)
            assert [Proc(process.pid).task(tid).status().tracer for tid in sorted(process.tids)] == [0] * 7 + [
                tracer.pid
            ]
            tracer.terminate()
        assert runs(process)


@pytest.mark.parametrize(("module", "step"), [(ptrace, "seize"), (ptrace_stop, "_take")])
@pytest.mark.parametrize("number", [1, 3])
def test_ctrl_c_between_two_steps_leaves_no_thread_behind(
    module: ModuleType, step: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    do, done = getattr(module, step), []

    def interrupted(tid: int) -> None:
        do(tid)
        done.append(tid)
        if len(done) == number:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, step, interrupted)
    with native("threads", "7") as process:
        with pytest.raises(KeyboardInterrupt):
            open_process(process.pid)
        assert {Proc(process.pid).task(tid).status().tracer for tid in process.tids} == {0}
        assert runs(process)


def test_two_threads_do_not_mix_up_the_registers_of_their_processes() -> None:
    both = threading.Barrier(2, timeout=30)

    def differ(pid: int) -> int:
        with open_process(pid):
            mine = ptrace.registers(pid, ptrace.NT_PRSTATUS)
            both.wait()
            found = sum(ptrace.registers(pid, ptrace.NT_PRSTATUS) != mine for _ in range(20_000))
            both.wait()
            return found

    with native("threads", "0") as one, native("threads", "0") as other, ThreadPoolExecutor(2) as pool:
        assert list(pool.map(differ, [one.pid, other.pid])) == [0, 0]


def test_a_process_of_another_user_is_refused_with_a_hint() -> None:
    script = (
        "import os, sys; from dotdump.errors import AccessDenied; from dotdump.target.process import open_process\n"
        "os.setuid(65534)\n"
        "try: open_process(int(sys.argv[1]))\nexcept AccessDenied as error: print(error, error.hint)"
    )
    if os.geteuid() != 0:
        missing("only root can become another user")
    with native("threads", "1") as process:
        command = [sys.executable, "-c", script, str(process.pid)]
        refused = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        assert "may not be traced" in refused.stdout
        assert runs(process)


def test_a_process_that_is_not_there_is_gone() -> None:
    with pytest.raises(ProcessGone):
        open_process(2**22 - 3)


def test_a_process_killed_while_open_can_be_closed_and_reaped_by_its_parent() -> None:
    with native("threads", "20") as process:
        with open_process(process.pid):
            process.process.kill()
        assert process.process.wait(timeout=5) == -signal.SIGKILL


def test_a_signal_sent_while_open_is_delivered_afterwards() -> None:
    with native("threads", "2") as process:
        with open_process(process.pid):
            os.kill(process.pid, signal.SIGTERM)
        assert process.process.wait(timeout=5) == -signal.SIGTERM


def test_python_itself_can_be_opened() -> None:
    holder = subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"], stdin=-1, stdout=-1)
    assert holder.stdout is not None
    assert holder.stdin is not None
    holder.stdout.readline()
    with open_process(holder.pid) as target:
        assert target.regions
        assert target.auxv
    holder.communicate(b"\n", timeout=10)
    assert holder.returncode == 0


def _wait_for_tracer(pid: int, tid: int, tracer: int) -> None:
    deadline = time.monotonic() + 5
    while Proc(pid).task(tid).status().tracer != tracer:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _wait_for_states(process: Native, allowed: set[str]) -> None:
    deadline = time.monotonic() + 5
    while not set(process.states().values()) <= allowed:
        assert time.monotonic() < deadline, process.states()
        time.sleep(0.005)


def open_core_of(pid: int, directory: Path) -> CoreTarget:
    with open_process(pid) as target:
        write_core(target, directory / "core")
    return open_core(directory / "core")


OPENERS: dict[str, Callable[[int, Path], CoreTarget | ProcessTarget | SnapshotTarget]] = {
    "process": lambda pid, _: open_process(pid),
    "snapshot": lambda pid, _: open_snapshot(pid),
    "core": open_core_of,
}


@pytest.mark.parametrize("kind", OPENERS)
def test_what_is_closed_holds_no_descriptor_whether_or_not_garbage_is_collected(kind: str, tmp_path: Path) -> None:
    with native("threads", "3") as process:
        before = descriptors()
        gc.disable()
        try:
            with OPENERS[kind](process.pid, tmp_path) as target:
                symbols = [module.symbol_at(module.base) for module in target.modules if module.file is not None]
                assert symbols
                assert descriptors() > before
            assert descriptors() == before
        finally:
            gc.enable()


def descriptors() -> int:
    """Return how many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("kind", OPENERS)
def test_files_of_assemblies_and_of_their_lines_are_closed_with_the_target(kind: str, tmp_path: Path) -> None:
    with corpus(runtimes()[-1], "threads") as running:
        before = files_of_assemblies()
        gc.disable()
        try:
            with OPENERS[kind](running.pid, tmp_path) as target:
                runtime = ClrRuntime.of(target)
                assert any(frame.location.line for thread in list_stacks(runtime).threads for frame in thread.frames)
                assert {Path(name).suffix for name in files_of_assemblies() - before} == {".dll", ".pdb"}
            assert files_of_assemblies() == before
        finally:
            gc.enable()


def files_of_assemblies() -> set[str]:
    """Return the assemblies and PDBs that this process has open or mapped."""
    names = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    names += [line.partition("/")[2] for line in Path("/proc/self/maps").read_text().splitlines()]
    return {name.strip("/") for name in names if name.endswith((".dll", ".pdb"))}

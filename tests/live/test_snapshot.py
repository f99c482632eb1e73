import os
import random
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dotdump.cli.console import Console
from dotdump.cli.target_arguments import open_target
from dotdump.dump.collect import Request, collect
from dotdump.dump.own_method import SnapshotMethod
from dotdump.dump.progress import Phase
from dotdump.errors import CollectError, ProcessGone
from dotdump.linux.fork_child import ForkedChild
from dotdump.linux.proc import Proc
from dotdump.target import burial
from dotdump.target.process import open_process
from dotdump.target.snapshot import SnapshotTarget, open_snapshot
from native import Native, native

pytestmark = pytest.mark.live

SNAPSHOTS = int(os.environ.get("DOTDUMP_TEST_SNAPSHOTS", "12"))
KILLS = int(os.environ.get("DOTDUMP_TEST_KILLS", "30"))

BARE_EINTR = {"epoll_wait", "epoll_timeout", "sigtimedwait", "semtimedop", "io_uring"}
BARE_EINTR |= {"recv_timeout", "read_timeout", "accept_timeout", "send_timeout"}
DUMPER = (
    "import sys; from dotdump.target.snapshot import open_snapshot\n"
    "print('go', flush=True)\n"
    "while True:\n  with open_snapshot(int(sys.argv[1])) as target: list(target.memory.ranges())"
)
TRACER = (
    "import sys, time; from dotdump.target.process import open_process\n"
    "with open_process(int(sys.argv[1])): print('traced', flush=True); time.sleep(float(sys.argv[2]))"
)


def children_of(pid: int) -> list[str]:
    listed = subprocess.run(["ps", "-o", "stat=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.split()


def state_of(checker: Native) -> dict[str, str]:
    """Return the checker's counters, and what went wrong by the name of the call."""
    return dict(word.split("=", 1) for word in checker.ask().split())


def is_right(state: dict[str, str]) -> bool:
    return state["errors"] == "0" and state["stalled"] == "0"


def test_a_snapshot_is_frozen_while_the_process_runs_on() -> None:
    with native("threads", "7") as process, open_snapshot(process.pid) as target:
        assert {thread.tid for thread in target.threads} == process.tids
        stack = target.threads[0].stack_pointer
        frozen = target.memory.read(stack, 256)
        before = int(process.ask())
        time.sleep(0.05)
        assert int(process.ask()) > before
        assert target.memory.read(stack, 256) == frozen
        assert set(process.states().values()) <= {"S", "R"}


def test_nothing_of_a_snapshot_stays_behind() -> None:
    with native("threads", "7") as process:
        with open_snapshot(process.pid) as target:
            assert children_of(process.pid)
        assert target.problems == []
        assert children_of(process.pid) == []


@contextmanager
def traced(pid: int, seconds: float) -> Iterator[None]:
    """Have somebody else stop and trace process ``pid`` for that long, and let it go before the block is left."""
    command = [sys.executable, "-c", TRACER, str(pid), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tracer:
        assert tracer.stdout
        assert tracer.stdout.readline() == b"traced\n"
        yield


def test_a_twin_is_buried_when_whoever_traces_the_process_by_then_has_let_it_go() -> None:
    with native("threads", "7") as process:
        target = open_snapshot(process.pid)
        with traced(process.pid, 0.5):
            target.close()
        assert target.problems == []
        assert children_of(process.pid) == []


def test_a_dump_is_whole_although_the_process_is_traced_by_then_and_keeps_the_dead_twin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(burial, "PATIENCE_SECONDS", 0.1)
    output = tmp_path / "core"
    with native("threads", "7") as process, ExitStack() as tracing:

        def trace(phase: Phase, done: int, expected: int | None) -> None:  # noqa: ARG001 - the callback's
            if phase is Phase.VERIFY:
                tracing.enter_context(traced(process.pid, 5))

        result = collect(Request(process.pid, output=str(output)), SnapshotMethod(), trace)
        assert any("keeps its dead child" in text and "already traced" in text for text in result.warnings)
        assert output.exists()
        tracing.close()
        assert children_of(process.pid) == ["Z"]
        open_snapshot(process.pid).close()
        assert children_of(process.pid) == []


def test_whoever_asks_a_process_is_told_that_it_keeps_the_dead_twin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(burial, "PATIENCE_SECONDS", 0.1)
    with native("threads", "7") as process, ExitStack() as tracing:
        with open_target(Namespace(process_id=process.pid, sysroot=[]), Console()):
            tracing.enter_context(traced(process.pid, 5))
        assert "keeps its dead child" in capsys.readouterr().err


def test_a_snapshot_ends_while_others_work_and_is_buried_when_it_is_closed() -> None:
    with native("threads", "7") as process, open_snapshot(process.pid) as target:
        target.end()
        deadline = time.monotonic() + 10
        while children_of(process.pid) != ["Z"] and time.monotonic() < deadline:
            time.sleep(0.001)
        assert children_of(process.pid) == ["Z"]
        target.close()
        assert target.problems == []
        assert children_of(process.pid) == []


def test_a_core_is_read_back_once_while_its_snapshot_ends(tmp_path: Path) -> None:
    with native("threads", "7") as process:
        children: list[list[str]] = []

        def look(phase: Phase, done: int, expected: int | None) -> None:  # noqa: ARG001 - the callback's
            if phase is Phase.VERIFY:
                children.append(children_of(process.pid))

        result = collect(Request(process.pid, output=str(tmp_path / "core")), SnapshotMethod(), look)
        assert [len(found) for found in children] == [1]
        assert result.verified
        assert len(result.findings) > 5
        assert children_of(process.pid) == []


def test_a_snapshot_and_the_stopped_process_answer_alike() -> None:
    with native("threads", "3") as process:
        with open_snapshot(process.pid) as snapshot:
            seen = _answers(snapshot)
        with open_process(process.pid) as stopped:
            assert {thread.tid for thread in stopped.threads} == set(seen[0])
            assert [region.start for region in stopped.regions] == seen[1]
            assert stopped.auxv == seen[2]


def _answers(target: SnapshotTarget) -> tuple[list[int], list[int], bytes]:
    return [thread.tid for thread in target.threads], [region.start for region in target.regions], target.auxv


@pytest.mark.parametrize("way", [open_snapshot, open_process])
def test_no_blocking_system_call_notices(way: object) -> None:
    with native("blockers") as checker:
        assert is_right(state_of(checker))
        descriptors = state_of(checker)["descriptors"]
        for _ in range(SNAPSHOTS):
            assert callable(way)
            with way(checker.pid):
                pass
            time.sleep(0.01)
        state = state_of(checker)
        assert is_right(state), state
        assert state["descriptors"] == descriptors
        assert int(state["sigchld"]) <= int(state["forks"]) + 1  # none of ours; pending ones of its own may merge


def test_a_dumper_killed_at_any_moment_leaves_the_process_as_it_was() -> None:
    chance = random.Random(4711)
    with native("blockers") as checker:
        assert is_right(state_of(checker))
        for _ in range(KILLS):
            dumper = subprocess.Popen([sys.executable, "-c", DUMPER, str(checker.pid)], stdout=subprocess.PIPE)
            assert dumper.stdout is not None
            dumper.stdout.readline()
            time.sleep(chance.uniform(0, 0.06))
            dumper.kill()
            dumper.wait()
            dumper.stdout.close()
            state = state_of(checker)
            assert state["stalled"] == "0", state
            assert _unexplained(state) == {}
        assert "t" not in checker.states().values()


def _unexplained(state: dict[str, str]) -> dict[str, str]:
    """Return what went wrong but for calls that return EINTR when a tracer stops them and dies: signal(7)."""
    by_call = {name: value for name, value in state.items() if "," in value}
    return {name: value for name, value in by_call.items() if name not in BARE_EINTR or not value.endswith(",4")}


def test_a_stopped_process_is_forked_and_stays_stopped() -> None:
    with native("threads", "3") as process:
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.05)
        with open_snapshot(process.pid) as target:
            assert len(target.threads) == 4
        time.sleep(0.05)
        assert set(process.states().values()) == {"T"}
        os.kill(process.pid, signal.SIGCONT)
        assert int(process.ask()) > 0


@pytest.mark.parametrize("killed", [False, True], ids=["hangs", "killed"])
def test_a_twin_that_cannot_be_adopted_is_ended_and_buried(killed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(child: ForkedChild) -> None:
        if killed:
            os.kill(child.pid, signal.SIGKILL)
        raise CollectError("not adopted")

    monkeypatch.setattr(ForkedChild, "adopt", fail)
    with native("threads", "3") as process:
        with pytest.raises(CollectError, match="not adopted"):
            open_snapshot(process.pid)
        assert Proc(process.pid).children() == []
        assert int(process.ask()) > 0


@pytest.mark.parametrize("kind", ["snapshot", "stopped"])
def test_one_that_was_killed_is_told_of_before_its_memory_is_believed(kind: str) -> None:
    opened = open_snapshot if kind == "snapshot" else open_process
    with native("threads", "3") as process, opened(process.pid) as target:
        target.check()
        os.kill(Proc(process.pid).children()[0] if kind == "snapshot" else process.pid, signal.SIGKILL)
        with pytest.raises(ProcessGone, match="was killed"):
            target.check()


def test_a_snapshot_outlives_its_process() -> None:
    with native("threads", "3") as process:
        with open_snapshot(process.pid) as target:
            process.process.kill()
            process.process.wait(timeout=5)
            assert len(target.memory.read(target.threads[0].stack_pointer, 256)) == 256
        assert target.problems == []

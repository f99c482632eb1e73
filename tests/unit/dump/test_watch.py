"""Who left a process stopped: a dumper that died, or somebody who wanted it to stand."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpus import missing
from dotdump.dump import watch as module
from dotdump.dump.subject import STOPPED, TRACED, Subject
from dotdump.dump.watch import Watch
from dotdump.errors import ProcessGone
from dotdump.linux.identity import ProcessIdentity
from dotdump.linux.proc import Proc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.linux.process_stat import ProcessStat

PROGRAM = """
import os, signal, sys
for line in sys.stdin:
    if "child" in line:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
    if "stop" in line:
        os.kill(os.getpid(), signal.SIGSTOP)
    print("done", flush=True)
"""


@pytest.mark.parametrize(("before", "meanwhile", "expected"), [("", "child, stop", True), ("child", "stop", False)])
def test_a_stop_is_a_dead_dumpers_where_a_child_has_come_and_gone_unseen(
    before: str, meanwhile: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOPPED_SECONDS", 0.0)
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{before}\n".encode())
            process.stdout.readline()
            with Subject.open(process.pid) as subject:
                watch = Watch(subject)
                process.stdin.write(f"{meanwhile}\n".encode())
                while subject.state() != STOPPED:
                    time.sleep(0.001)
                watch.look()
                assert watch.left_stopped() is expected
        finally:
            process.kill()


TRACER = """
import sys, time
from dotdump.target.process import open_process
target = open_process(int(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
target.close()
print("let go", flush=True)
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    pass
print("idle", flush=True)
time.sleep(60)
"""


@contextmanager
def traced(seconds: str) -> Iterator[tuple[Watch, subprocess.Popen[str]]]:
    """Watch a process that a tracer which is no child of it holds, and that tracer; let go, it works so long."""
    if os.geteuid():
        missing("only root may trace everywhere what is no child of the tracer")
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        command = [sys.executable, "-c", TRACER, str(process.pid), seconds]
        with (
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as tracer,
            Subject.open(process.pid) as subject,
        ):
            try:
                watch = Watch(subject)
                assert line_of(tracer) == "held\n"
                watch.look()
                yield watch, tracer
            finally:
                watch.close()
                tracer.kill()
                process.kill()


def line_of(tracer: subprocess.Popen[str]) -> str:
    assert tracer.stdout is not None
    return tracer.stdout.readline()


def let_go(tracer: subprocess.Popen[str]) -> None:
    """Have the process run again."""
    assert tracer.stdin is not None
    tracer.stdin.write("\n")
    assert line_of(tracer) == "let go\n"


def test_a_tracer_that_the_process_has_not_started_is_not_ended() -> None:
    with traced("0") as (watch, tracer):
        assert watch.helper is not None
        let_go(tracer)
        watch.look()
        assert watch.helper_runs()
        assert not watch.end_helper()
        assert tracer.poll() is None


def test_of_a_tracer_that_goes_as_it_is_looked_at_no_descriptor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with Subject.open(os.getpid()) as subject:
        watch = Watch(subject)
        monkeypatch.setattr(Subject, "tracer", lambda _: os.getpid())
        monkeypatch.setattr(Subject, "state", lambda _: TRACED)

        def gone(_: Proc) -> ProcessStat:
            raise ProcessGone("it has ended")

        before = set(Path("/proc/self/fd").iterdir())
        with monkeypatch.context() as patch:
            patch.setattr("dotdump.dump.watch.ProcessIdentity.open", lambda pid: held(pid, patch, gone))
            watch.look()
        assert set(Path("/proc/self/fd").iterdir()) == before
        assert watch.helper is None


def held(pid: int, patch: pytest.MonkeyPatch, then: Callable[[Proc], ProcessStat]) -> ProcessIdentity:
    """Hold process ``pid``, whose status is gone from then on."""
    descriptor = os.open(f"/proc/{pid}", os.O_RDONLY)
    patch.setattr(Proc, "stat", then)
    return ProcessIdentity(pid, 0, descriptor, os.pidfd_open(pid))


def test_a_dumper_that_works_is_not_quiet_although_the_process_runs_again() -> None:
    with traced("1.5") as (watch, tracer):
        let_go(tracer)
        working = _longest_quiet(watch, tracer, until="idle\n")
        assert working < 1
        deadline = time.monotonic() + 20
        while watch.quiet_for() < 1.5 and time.monotonic() < deadline:
            time.sleep(0.01)
            watch.look()
        assert watch.quiet_for() >= 1.5


def _longest_quiet(watch: Watch, tracer: subprocess.Popen[str], until: str) -> float:
    """Look until ``tracer`` says a line, and return the longest time for which it seemed to do nothing, in seconds."""
    assert tracer.stdout is not None
    longest = 0.0
    while not select.select([tracer.stdout], [], [], 0.01)[0]:
        watch.look()
        longest = max(longest, watch.quiet_for())
    assert line_of(tracer) == until
    return longest

"""Which method suits, over a process whose facts are built: this one, which may surely look at itself."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from dotdump.dump import auto_method
from dotdump.dump.auto_method import SMALL, AutoMethod, not_for_the_runtime
from dotdump.dump.capture import Capture, Task
from dotdump.dump.output import OutputFile, open_output
from dotdump.dump.own_method import OwnOptions, PtraceMethod
from dotdump.dump.place import Place
from dotdump.dump.progress import silent
from dotdump.dump.runtime_method import RuntimeMethod
from dotdump.dump.subject import Subject
from dotdump.errors import AccessDenied, CollectError, CommandRejected
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.records import replace


def chosen(
    resident: int,
    kind: DumpType = DumpType.FULL,
    flags: DumpFlags = DumpFlags.NONE,
    options: OwnOptions | None = None,
    *,
    stream: bool = False,
) -> str:
    method = AutoMethod(flags, options or OwnOptions(), stream=stream)
    with Subject.open(os.getpid()) as subject:
        subject.status = replace(subject.status, resident=resident)
        return method._choose(subject, kind).method.name


def test_a_small_process_is_stopped_and_a_larger_one_forked() -> None:
    assert chosen(SMALL - 1) == "ptrace"
    assert chosen(SMALL) == "snapshot"


@pytest.mark.parametrize("kind", [DumpType.MINI, DumpType.HEAP, DumpType.TRIAGE])
def test_other_types_of_a_program_without_a_runtime_are_ours(kind: DumpType) -> None:
    assert chosen(SMALL, kind) == "snapshot"


def test_a_crash_report_can_be_made_of_any_core() -> None:
    assert chosen(SMALL, flags=DumpFlags.CRASH_REPORT) == "snapshot"


def test_createdumps_own_options_are_the_runtimes() -> None:
    assert chosen(SMALL, flags=DumpFlags.LOGGING) == "runtime"


ONLY_OURS: list[dict[str, Any]] = [
    {"options": OwnOptions(level=1)},
    {"options": OwnOptions(file_backed=False)},
    {"options": OwnOptions(buffer=0)},
    {"options": OwnOptions(gc_wait=0.0)},
    {"options": OwnOptions(drop_free=True)},
    {"stream": True},
]
"""What a dump of the runtime's cannot be."""


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runtime be able to take dumps of itself, small ones too."""
    monkeypatch.setattr(auto_method, "_why_not", lambda *_: "")
    monkeypatch.setattr(auto_method, "_unable", lambda *_: "")


@pytest.fixture
def denied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let us have no right to trace the process."""

    def check(*_: object) -> None:
        raise AccessDenied("it is traced already", hint="end its tracer")

    monkeypatch.setattr(PtraceMethod, "check", check)


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize("asked", ONLY_OURS)
def test_what_only_ours_can_do_is_ours_whatever_the_type(asked: dict[str, Any]) -> None:
    assert chosen(SMALL, DumpType.MINI) == "runtime"
    assert chosen(SMALL, DumpType.MINI, **asked) == "snapshot"


@pytest.mark.usefixtures("able", "denied")
@pytest.mark.parametrize("asked", ONLY_OURS)
@pytest.mark.parametrize("kind", [DumpType.FULL, DumpType.MINI])
def test_where_ours_may_not_it_is_refused_and_no_option_is_dropped(kind: DumpType, asked: dict[str, Any]) -> None:
    assert chosen(SMALL, kind) == "runtime"
    with pytest.raises(CollectError, match=r"it is traced already; but .*runtime") as refused:
        chosen(SMALL, kind, **asked)
    assert refused.value.hint == "end its tracer"


@pytest.mark.usefixtures("denied")
def test_where_ours_may_not_and_there_is_no_runtime_it_is_said_why_not() -> None:
    with pytest.raises(AccessDenied, match="it is traced already"):
        chosen(SMALL)


@pytest.mark.parametrize("asked", ONLY_OURS)
def test_createdumps_own_options_and_ours_do_not_go_together(asked: dict[str, Any]) -> None:
    with pytest.raises(CollectError, match="createdump's log is the runtime's; but "):
        chosen(SMALL, flags=DumpFlags.LOGGING, **asked)


def rejecting(_: RuntimeMethod, task: Task) -> Capture:
    assert isinstance(task.output, OutputFile)
    task.output.sink().write(b"half a core")
    raise CommandRejected("GenerateCoreDump3", 0x80004005, "E_FAIL", "ptrace(ATTACH, 1) FAILED")


def capturing(_: PtraceMethod, task: Task) -> Capture:
    task.output.sink().write(b"ours")
    return Capture()


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize("flags", [DumpFlags.NONE, DumpFlags.LOGGING])
def test_where_the_runtime_fails_ours_is_taken_unless_only_its_own_will_do(
    flags: DumpFlags, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(RuntimeMethod, "capture", rejecting)
    monkeypatch.setattr(RuntimeMethod, "check", lambda *_: None)
    monkeypatch.setattr(PtraceMethod, "capture", capturing)
    method = AutoMethod(flags, OwnOptions())
    place = Place(str(tmp_path), "core")
    with Subject.open(os.getpid()) as subject, open_output(place) as output:
        subject.status = replace(subject.status, resident=SMALL - 1)
        method.check(subject, DumpType.MINI)
        task = Task(subject, DumpType.MINI, output, None, time.monotonic() + 10, silent, bool)
        if flags:
            with pytest.raises(CommandRejected):
                method.capture(task)
            return
        why = method.capture(task).why
        assert os.pread(output.descriptor, 100, 0) == b"ours"
    assert method.name == "ptrace"
    assert why.startswith("its runtime could not: GenerateCoreDump3 was rejected with E_FAIL")


def test_what_the_runtime_cannot_do_is_called_by_the_options_that_were_given() -> None:
    assert not not_for_the_runtime(OwnOptions())
    assert not_for_the_runtime(OwnOptions(buffer=0)) == "--buffer is not for the runtime's dumps"
    asked = OwnOptions(gc_wait=0, file_backed=False)
    assert not_for_the_runtime(asked) == "--gc-wait and --drop-file-backed are not for the runtime's dumps"

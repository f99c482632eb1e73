"""Which method suits, over a process whose facts are built: this one, which may surely look at itself."""

import os

import pytest

from dotdump.dump.auto_method import SMALL, AutoMethod
from dotdump.dump.own_method import OwnOptions
from dotdump.dump.subject import Subject
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.records import replace


def chosen(resident: int, kind: DumpType = DumpType.FULL, flags: DumpFlags = DumpFlags.NONE) -> str:
    method = AutoMethod(flags, OwnOptions())
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

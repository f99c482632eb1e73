"""Who traces a process, also where it is one thread that is not the first."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dotdump.dump.doctor.tracers import tracer_of
from dotdump.linux.proc import Proc

STATUS = re.sub(r"TracerPid:\s*\d+", "TracerPid:\t{}", Path(f"/proc/{os.getpid()}/status").read_text())


def process(root: Path, *tracers: int) -> Proc:
    """Return process 7, whose threads 7, 8 and so on are traced by these."""
    for tid, tracer in enumerate(tracers, 7):
        thread = root / "7" / "task" / str(tid)
        thread.mkdir(parents=True)
        (thread / "status").write_text(STATUS.format(tracer))
    (root / "7" / "status").write_text(STATUS.format(tracers[0]))
    return Proc(7, str(root))


def test_a_debugger_that_holds_one_thread_alone_is_found(tmp_path: Path) -> None:
    assert tracer_of(process(tmp_path, 0, 0, 99)) == 99


def test_nobody_is_found_where_nobody_traces_it(tmp_path: Path) -> None:
    assert tracer_of(process(tmp_path, 0, 0)) == 0


def test_a_thread_that_has_ended_meanwhile_hides_no_tracer_of_another(tmp_path: Path) -> None:
    found = process(tmp_path, 0, 0, 99)
    (tmp_path / "7" / "task" / "8" / "status").unlink()
    assert tracer_of(found) == 99

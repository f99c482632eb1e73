"""Stacks of a core as gdb walks them, and how ours compare, frame by frame: pc and stack pointer of each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import corpus
from dotdump.target.core import open_core
from dotdump.unwind.frame import End, Frame, FrameTrust
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.target.core import CoreTarget

SCRIPT = Path(__file__).parent / "gdb_frames.py"
Place = tuple[int, int]


@dataclass
class Comparison:
    """``theirs`` frames of gdb, ``equal`` of them ours too; ``reasons`` counts the differences by what explains them."""

    theirs: int = 0
    equal: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)

    @property
    def unexplained(self) -> int:
        return self.reasons["unexplained"]

    def add(self, other: Comparison) -> None:
        self.theirs += other.theirs
        self.equal += other.equal
        self.reasons += other.reasons
        self.samples += other.samples
        self.ends += other.ends


def compare(core: Path, program: str) -> Comparison:
    """Return how our frames of all threads of ``core`` compare with gdb's."""
    theirs, found = gdb_frames(core, program), Comparison()
    with open_core(core) as target:
        unwinder = NativeUnwinder(target)
        for thread in target.threads:
            *frames, end = unwinder.walk(unwinder.frame_of(thread))
            assert isinstance(end, End)
            ours = [frame for frame in frames if isinstance(frame, Frame)]
            found.ends[str(end.reason)] += 1
            _compare_thread(target, unwinder, thread.tid, ours, theirs[thread.tid], found)
    return found


def gdb_frames(core: Path, program: str) -> dict[int, list[Place]]:
    """Return pc and sp of each frame by thread, as gdb finds them."""
    if shutil.which("gdb") is None:
        corpus.missing("gdb is not installed")
    out = core.with_suffix(".frames")
    command = ["gdb", "-batch", "-nx", "-iex", "set auto-load off", "-iex", "set debuginfod enabled off"]
    done = subprocess.run(
        [*command, "-ex", f"source {SCRIPT}", program, str(core)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "DOTDUMP_GDB_FRAMES": str(out)},
    )
    assert out.exists(), done.stderr
    return {int(tid): [(f["pc"], f["sp"]) for f in frames] for tid, frames in json.loads(out.read_text()).items()}


def _compare_thread(
    target: CoreTarget,
    unwinder: NativeUnwinder,
    tid: int,
    ours: Sequence[Frame],
    theirs: Sequence[Place],
    found: Comparison,
) -> None:
    places = [(frame.pc, frame.sp) for frame in ours]
    same = set(places) & set(theirs)
    found.theirs += len(theirs)
    found.equal += sum(place in same for place in theirs)
    for place in theirs:
        if place not in same:
            reason = _explain(unwinder, place)
            found.reasons[reason] += 1
            if reason == "unexplained":
                found.samples.append(f"{tid} gdb has {place[0]:#x} {place[1]:#x}")
    for frame in ours:
        if (frame.pc, frame.sp) not in same:
            reason = _explain_ours(frame)
            found.reasons[reason] += 1
            if reason == "unexplained":
                found.samples.append(f"{tid} only ours {frame.pc:#x} {frame.sp:#x} {frame.trust}")


def _explain(unwinder: NativeUnwinder, place: Place) -> str:
    """Return why gdb has a frame that we have not."""
    if not unwinder.code.is_code(place[0]):
        return "gdb goes on where no code is"
    return "unexplained"


def _explain_ours(frame: Frame) -> str:
    """Return why we have a frame that gdb has not."""
    if frame.trust in (FrameTrust.FRAME_POINTER, FrameTrust.SCAN):
        return f"ours by {frame.trust}"
    return "unexplained"

"""Stacks of a core as gdb walks them, and how ours compare, frame by frame: pc and stack pointer of each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import corpus
from dotdump.target.core import open_core
from dotdump.unwind.frame import End, Frame, FrameTrust
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = Path(__file__).parent / "gdb_frames.py"
Place = tuple[int, int]
_GUESSED = (FrameTrust.FRAME_POINTER, FrameTrust.SCAN)


@dataclass
class Comparison:
    """Of ``theirs``, gdb's frames in code, ``equal`` are ours too; ``reasons`` counts the differences."""

    theirs: int = 0
    equal: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)

    def explain(self, reason: str, place: str) -> None:
        """Count a difference; one without a reason is kept to be shown."""
        self.reasons[reason or "unexplained"] += 1
        if not reason:
            self.samples.append(place)

    def add(self, other: Comparison) -> None:
        self.theirs += other.theirs
        self.equal += other.equal
        self.reasons += other.reasons
        self.samples += other.samples
        self.ends += other.ends


def compare(core: Path, program: str) -> Comparison:
    """Return how our frames of all threads of ``core`` compare with gdb's."""
    found = Comparison()
    with open_core(core) as target:
        theirs = gdb_frames(core, program, [(module.base, module.end) for module in target.modules])
        unwinder = NativeUnwinder(target)
        for thread in target.threads:
            *frames, end = unwinder.walk(unwinder.frame_of(thread))
            assert isinstance(end, End)
            ours = [frame for frame in frames if isinstance(frame, Frame)]
            found.ends[str(end.reason)] += 1
            found.add(_compare_thread(unwinder, ours, theirs[thread.tid]))
    return found


def gdb_frames(core: Path, program: str, modules: Sequence[Place]) -> dict[int, list[Place]]:
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
        env={**os.environ, "DOTDUMP_GDB_FRAMES": str(out), "DOTDUMP_GDB_MODULES": json.dumps(modules)},
    )
    assert out.exists(), done.stderr
    return {int(tid): [(f["pc"], f["sp"]) for f in frames] for tid, frames in json.loads(out.read_text()).items()}


def _compare_thread(unwinder: NativeUnwinder, ours: Sequence[Frame], theirs: Sequence[Place]) -> Comparison:
    same = {(frame.pc, frame.sp) for frame in ours} & set(theirs)
    theirs = [place for place in theirs if unwinder.code.is_code(place[0])]  # where it is lost it goes on to nowhere
    found = Comparison(len(theirs), sum(place in same for place in theirs))
    for pc, sp in theirs:
        if (pc, sp) not in same:
            found.explain("", f"only gdb's {pc:#x} {sp:#x}")
    lost = False
    for younger, frame in pairwise([*ours[:1], *ours]):
        lost = lost or (frame.trust in _GUESSED and unwinder.module_at(younger.lookup) is not None)
        if (frame.pc, frame.sp) not in same:
            found.explain(
                "behind code of a file without call frame information" if lost else "",
                f"only ours {frame.pc:#x} {frame.sp:#x} {frame.trust}",
            )
    return found

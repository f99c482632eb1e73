"""Run inside gdb: write every thread's frames as JSON, pc, sp and kind each, to the file that DOTDUMP_GDB_FRAMES names.

gdb is told to go on beyond main and to the last frame; what it shows of inlined functions and tail calls are no frames.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gdb

KINDS = {gdb.NORMAL_FRAME: "normal", gdb.SIGTRAMP_FRAME: "signal"}


def frames() -> list[dict[str, Any]]:
    found, frame = [], gdb.newest_frame()
    while frame is not None:
        if frame.type() in KINDS:
            found.append(
                {
                    "pc": frame.pc(),
                    "sp": int(frame.read_register("sp").cast(gdb.lookup_type("unsigned long"))),
                    "kind": KINDS[frame.type()],
                    "name": frame.name(),
                }
            )
        reason = frame.unwind_stop_reason()
        try:
            frame = frame.older()
        except gdb.error:
            break
        if frame is None and found:
            found[-1]["stop"] = gdb.frame_stop_reason_string(reason)
    return found


for setting in ("past-main on", "past-entry on", "limit unlimited"):
    gdb.execute(f"set backtrace {setting}")
threads = {}
for thread in gdb.selected_inferior().threads():
    thread.switch()
    threads[thread.ptid[1] or thread.ptid[0]] = frames()
Path(os.environ["DOTDUMP_GDB_FRAMES"]).write_text(json.dumps(threads))

"""Run inside gdb: write every thread's frames as JSON, pc, sp and kind each, to the file that DOTDUMP_GDB_FRAMES names.

gdb is told to go on beyond main and to the last frame; what it shows of inlined functions and tail calls are no frames.
It has nothing for code outside of loaded files, but where null was called, and gets lost there: so it is taught the
chain of frame pointers for such code, and for no other. ``DOTDUMP_GDB_MODULES`` has start and end of the loaded files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gdb
import gdb.unwinder

KINDS = {gdb.NORMAL_FRAME: "normal", gdb.SIGTRAMP_FRAME: "signal"}


MODULES = json.loads(os.environ["DOTDUMP_GDB_MODULES"])
LONG = gdb.lookup_type("unsigned long")


class Place:
    def __init__(self, sp: gdb.Value, pc: gdb.Value) -> None:
        self.sp, self.pc = sp, pc


class FramePointers(gdb.unwinder.Unwinder):  # type: ignore[misc] # gdb has no types here
    def __init__(self) -> None:
        super().__init__("frame pointers outside of files")

    def __call__(self, pending: Any) -> Any:  # noqa: ANN401 - gdb has no types
        pc, sp, record = (pending.read_register(name).cast(LONG) for name in ("rip", "rsp", "rbp"))
        elsewhere = int(pc) != 0 and not any(start <= int(pc) < end for start, end in MODULES)
        if not elsewhere or not int(sp) <= int(record) < int(sp) + (1 << 23):
            return None
        info = pending.create_unwind_info(Place(record + 16, pc))
        info.add_saved_register("rip", (record + 8).cast(LONG.pointer()).dereference())
        info.add_saved_register("rsp", record + 16)
        info.add_saved_register("rbp", record.cast(LONG.pointer()).dereference())
        return info


gdb.unwinder.register_unwinder(None, FramePointers())


def frames() -> list[dict[str, Any]]:
    found, frame = [], gdb.newest_frame()
    while frame is not None:
        if frame.type() in KINDS:
            found.append(
                {
                    "pc": frame.pc(),
                    "sp": int(frame.read_register("sp").cast(LONG)),
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

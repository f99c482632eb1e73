"""A crash report as createdump writes it: JSON of protocol version 1.0.0, in which every value is a string.

Two things differ. Text is escaped, which createdump's is not, and the message of an exception is there, under a key
that createdump has not got: ``managed_exception_message``. Source of truth: crashreportwriter.cpp.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dotdump.report.json_format import encodable_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.analysis.crash_report import CrashReport, ReportedFrame, ReportedThread

    Json = dict[str, object]

PROTOCOL = "1.0.0"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LONGEST_CYCLE = 8
_WORTH_FOLDING = 16
"""Frames that repeat themselves, before they are told once: what only a stack overflow has."""


def render_crash_report(report: CrashReport) -> str:
    """Return the JSON text, with a line break at its end."""
    payload: Json = {
        "protocol_version": PROTOCOL,
        "configuration": {
            "architecture": _ARCHITECTURES.get(report.architecture, report.architecture),
            "version": report.runtime,
        },
        "process_name": report.process,
        "threads": [_thread(thread) for thread in report.threads],
    }
    return encodable_json(json.dumps({"payload": payload}, indent=2, ensure_ascii=False)) + "\n"


def _thread(thread: ReportedThread) -> Json:
    ip, sp, bp = thread.registers
    found: Json = {"is_managed": _truth(thread.is_managed), "crashed": _truth(thread.crashed)}
    if thread.exception is not None:
        found["managed_exception_object"] = thread.exception.address
        found["managed_exception_type"] = thread.exception.type
        if thread.exception.hresult is not None:
            found["managed_exception_hresult"] = thread.exception.hresult
        if thread.exception.message is not None:
            found["managed_exception_message"] = thread.exception.message
    found["native_thread_id"] = f"{thread.os_id:#x}"
    found["ctx"] = {"IP": f"{ip:#x}", "SP": f"{sp:#x}", "BP": f"{bp:#x}"}
    found["stack_frames"] = _folded(thread.frames)
    return found


def _frame(frame: ReportedFrame) -> Json:
    found: Json = {
        "is_managed": _truth(frame.is_managed),
        "module_address": f"{frame.module_address:#x}",
        "stack_pointer": f"{frame.stack_pointer:#x}",
        "native_address": f"{frame.address:#x}",
        "native_offset": f"{frame.offset:#x}",
    }
    if not frame.is_managed:
        return {**found, **_named(unmanaged_name=frame.name, native_module=frame.module)}
    found["token"] = f"{frame.token:#x}"
    if frame.il_offset is not None:
        found["il_offset"] = f"{frame.il_offset:#x}"
    found.update(_named(method_name=frame.name))
    found["timestamp"] = f"{frame.timestamp:#x}"
    found["sizeofimage"] = f"{frame.image_size:#x}"
    return {**found, **_named(filename=frame.module, guid=frame.mvid)}


def _named(**texts: str) -> Json:
    return {key: text for key, text in texts.items() if text}


def _folded(frames: Sequence[ReportedFrame]) -> list[Json]:
    """Return the frames; those that a recursion repeats over and over once, with how often."""
    found: list[Json] = []
    keys = [(frame.address, frame.name) for frame in frames]
    position = 0
    while position < len(frames):
        cycle, times = _repetition(keys, position)
        if cycle * times < _WORTH_FOLDING or times < 2:
            found.append(_frame(frames[position]))
            position += 1
            continue
        repeated = [_frame(frame) for frame in frames[position : position + cycle]]
        found.append({"repeated": str(times), "repeated_frames": repeated})
        position += cycle * times
    return found


def _repetition(keys: Sequence[tuple[int, str]], start: int) -> tuple[int, int]:
    """Return the length of the cycle that begins at ``start`` and repeats most frames, and how often it is there."""
    best = (1, 1)
    for cycle in range(1, _LONGEST_CYCLE + 1):
        end = start + cycle
        while keys[end : end + cycle] == keys[start : start + cycle] and end + cycle <= len(keys):
            end += cycle
        times = (end - start) // cycle
        if times > 1 and cycle * times > best[0] * best[1]:
            best = (cycle, times)
    return best


def _truth(value: bool) -> str:  # noqa: FBT001 - what it turns into text
    return "true" if value else "false"

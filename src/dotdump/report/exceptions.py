"""Exceptions as text: a block for each, with what led to it indented below; as CSV a row for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.exceptions import Holding
from dotdump.analysis.value_text import quoted
from dotdump.records import replace
from dotdump.report.counting import counted
from dotdump.report.listing import Choice, choose, csv_text
from dotdump.report.table import fitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dotdump.analysis.exceptions import ExceptionList, ExceptionRow, Holder
    from dotdump.analysis.method_frames import MethodFrame

_INDENT = "    "
_DEPTH = 16
_HEADER = ("address", "type", "message", "hresult", "generation", "inner", "held_by", "stack")
_WORDS = {
    Holding.CURRENT: "under way on",
    Holding.NESTED: "being handled when another was thrown, by",
    Holding.LAST_THROWN: "the last that was thrown on",
    Holding.FAULTED: "failed with it:",
}


def select(found: ExceptionList, choice: Choice) -> ExceptionList:
    """Return those exceptions only that ``choice`` wants; its pattern is searched in their type."""
    keys = {
        "address": lambda row: int(row.address, 16),
        "type": lambda row: (row.type, int(row.address, 16)),
        "message": lambda row: (row.message or "", int(row.address, 16)),
    }
    return replace(found, exceptions=choose(found.exceptions, choice, lambda row: row.type, keys))


def render_exceptions(found: ExceptionList, width: int | None) -> str:
    """Return a block for each exception and a line of totals."""
    rows = {row.address: row for row in found.exceptions}
    blocks = ["\n".join(fitted(line, width) for line in _block(row, rows)) for row in found.exceptions]
    shown = "" if len(blocks) == found.count else f", {len(blocks):,} shown"
    return "\n\n".join([*blocks, f"{counted(found.count, 'exception')}{shown} ({found.runtime})"])


def exceptions_csv(found: ExceptionList) -> str:
    """Return a row for each exception; its frames are separated by `` < ``."""
    rows = (
        (
            row.address,
            row.type,
            row.message,
            row.hresult,
            row.generation,
            row.inner,
            "; ".join(f"{each.kind} {each.os_id or each.address} ({each.how})" for each in row.held_by),
            " < ".join(frame.method or "?" for frame in row.stack),
        )
        for row in found.exceptions
    )
    return csv_text(_HEADER, rows)


def title_of(row: ExceptionRow) -> str:
    """Return type and message in a line."""
    return row.type if row.message is None else f"{row.type}: {row.message}"


def frame_line(frame: MethodFrame) -> str:
    """Return a frame as stack traces of .NET have it."""
    place = f" in {frame.file}:{frame.line}" if frame.file else ""
    return f"at {frame.method or f'unknown code at {frame.ip}'}{place}"


def _block(row: ExceptionRow, rows: Mapping[str, ExceptionRow]) -> Iterator[str]:
    yield f"{row.address}  {title_of(row)}"
    code = "" if row.hresult is None else f"HRESULT 0x{row.hresult & 0xFFFFFFFF:08X}"
    if facts := ", ".join(filter(None, (code, row.generation, "not thrown" if _is_new(row) else ""))):
        yield f"{_INDENT}{facts}"
    yield from (f"{_INDENT}{holder_text(each)}" for each in row.held_by)
    yield from _frames(row, _INDENT)
    yield from _inner(row, rows, 1, {row.address})
    if row.problem:
        yield f"{_INDENT}({row.problem})"


def _is_new(row: ExceptionRow) -> bool:
    """Whether it was made and not thrown: no frames say so, unless what it says could not be read."""
    return row.problem is None and not row.stack and not row.remote_stack


def _frames(row: ExceptionRow, indent: str) -> Iterator[str]:
    yield from (f"{indent}{line} (before it was thrown again)" for line in row.remote_stack)
    yield from (f"{indent}{frame_line(frame)}" for frame in row.stack)


def _inner(row: ExceptionRow, rows: Mapping[str, ExceptionRow], depth: int, told: set[str]) -> Iterator[str]:
    """Yield what led to an exception, and what led to that; what was ``told`` already is only named."""
    if depth > _DEPTH:
        yield f"{_INDENT * depth}…"
        return
    for address in row.inners:
        inner = rows.get(address)
        text = title_of(inner) if inner is not None else row.inner_type or ""
        yield f"{_INDENT * depth}caused by {address}  {text}"
        if inner is not None and address not in told:
            told.add(address)
            yield from _frames(inner, _INDENT * (depth + 1))
            yield from _inner(inner, rows, depth + 1, told)


def holder_text(holder: Holder) -> str:
    """Return who has an exception, in words."""
    if holder.kind == "task":
        return f"task {holder.address} {_WORDS[holder.how]} {holder.name}"
    name = f" {quoted(holder.name)}" if holder.name else ""
    return f"{_WORDS[holder.how]} thread {holder.os_id}{name}"

"""What an address is, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.report.table import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.addresses import AddressMeaning, CodePlace, MemoryPlace, ObjectPlace

_WIDTH = 9


def render_addresses(found: tuple[AddressMeaning, ...], width: int | None) -> str:  # noqa: ARG001 - nothing is cut
    """Return a paragraph for each address."""
    return "\n\n".join("\n".join(map(printable, _lines(one))) for one in found)


def _lines(found: AddressMeaning) -> Iterator[str]:
    yield found.address
    facts = [*_object(found.object), *_code(found.code)]
    if found.type is not None:
        facts.append(("type", f"the MethodTable of {found.type}"))
    if found.method is not None:
        facts.append(("method", f"the MethodDesc of {found.method}"))
    for name, value in [*facts, *_memory(found.memory)]:
        yield f"  {name + ':':<{_WIDTH}}{value}"


def _object(found: ObjectPlace | None) -> Iterator[tuple[str, str]]:
    if found is None:
        return
    where = f"{found.generation or 'unused'}, heap {found.heap}"
    if found.address is None:
        yield "heap", f"no object, {where}"
        return
    within = f"{found.offset:#x} bytes into {found.address}, " if found.offset else ""
    yield "object", f"{within}{found.type}, {found.size:,} bytes, {where}"


def _code(found: CodePlace | None) -> Iterator[tuple[str, str]]:
    if found is None:
        return
    name = found.method or "code of no method that is known"
    source = f"  ({found.source_name})" if found.source_name else ""
    if found.stub is not None:
        yield "code", f"{found.stub} for {name}{source}" if found.method else found.stub
    else:
        yield "code", f"{name}{source}+{found.offset:#x}, {found.kind} from {found.start} on"
    if found.method_desc is not None:
        token = f", token {found.token}" if found.token else ""
        yield "method", f"MethodDesc {found.method_desc}{token}{f' in {found.module}' if found.module else ''}"
    if found.il_offset is not None:
        line = f", {found.file}:{found.line}" if found.file else ""
        yield "source", f"IL offset {found.il_offset:#x}{line}"


def _memory(found: MemoryPlace | None) -> Iterator[tuple[str, str]]:
    if found is None:
        yield "memory", "not mapped"
        return
    file = f", {found.path}" if found.path else ""
    if found.offset is not None:
        file += f" at offset {found.offset:#x}"
    if found.symbol is not None:
        yield "symbol", found.symbol
    if found.thread is not None:
        yield "stack", f"of thread {found.thread}"
    yield "memory", f"{found.start}-{found.end} {found.rights}{file}"

"""One object as text: a head, then its fields, what it holds, and what is around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.value_text import quoted
from dotdump.report.listing import csv_text
from dotdump.report.root_paths import path_lines
from dotdump.report.table import printable, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.analysis.object_fields import FieldValue
    from dotdump.analysis.root_paths import RootPath
    from dotdump.analysis.whole_object import Held, Links, ObjectDetails

_BEYOND = "…"


def render_object(found: ObjectDetails, width: int | None) -> str:
    """Return all of it, part after part."""
    parts = ["\n".join(printable(f"{name + ':':<13}{value}") for name, value in _head(found))]
    if found.fields:
        rows = [
            (f"+{field.offset:#x}", "  " * depth + field.name, field.type, field.address or "", field.text)
            for field, depth in flat(found.fields)
        ]
        parts.append(render_table(("OFFSET", "FIELD", "TYPE", "ADDRESS", "VALUE"), rows, width=width))
    if found.held is not None and found.text is None:
        parts.append(_render_held(found.held, width))
    parts.append(_render_links("refers to", found.references, width))
    if found.referrers is not None:
        parts.append(_render_links("is referred to by", found.referrers, width))
    if found.paths is not None:
        parts.append(_render_paths(found.paths))
    return "\n\n".join(parts)


def object_csv(found: ObjectDetails) -> str:
    """Return its fields as CSV, those of structs in it too, by their path."""
    rows = [(path, f.offset, f.type, f.declared_by, f.address, f.text) for path, f in _paths(found.fields)]
    return csv_text(("field", "offset", "type", "declared_by", "address", "value"), rows)


def flat(fields: Sequence[FieldValue], depth: int = 0) -> Iterator[tuple[FieldValue, int]]:
    """Yield each field, and those of structs after it, with how deep they are."""
    for field in fields:
        yield field, depth
        yield from flat(field.fields, depth + 1)


def _paths(fields: Sequence[FieldValue], before: str = "") -> Iterator[tuple[str, FieldValue]]:
    for field in fields:
        yield before + field.name, field
        yield from _paths(field.fields, f"{before}{field.name}.")


def _head(found: ObjectDetails) -> Iterator[tuple[str, str]]:
    yield "object", found.address
    yield "type", f"{found.type} (MethodTable {found.method_table})"
    if found.base is not None:
        yield "base", found.base
    yield "size", f"{found.size:,} bytes in {found.generation}"
    if found.retained is not None:
        yield "retains", f"{found.retained:,} bytes"
    length = found.length if found.text is None or found.held is None else found.held.count
    if length is not None:
        yield "length", f"{length:,}"
    if found.text is not None:
        is_cut = length is not None and length > len(found.text)
        yield "text", quoted(found.text + _BEYOND if is_cut else found.text, len(found.text))
    if found.value is not None:
        yield "value", found.value


def _render_held(held: Held, width: int | None) -> str:
    rows = [(item.key, item.address or "", item.text) for item in held.items]
    more = f", the first {len(held.items)}" if held.count > len(held.items) else ""
    title = f"{held.kind} of {held.count:,}{more}:"
    return f"{title}\n{render_table(('KEY', 'ADDRESS', 'VALUE'), rows, width=width)}" if rows else title


def _render_links(title: str, links: Links, width: int | None) -> str:
    if not links.count:
        return f"{title} nothing"
    more = f", of which {len(links.objects)}" if links.count > len(links.objects) else ""
    rows = [(link.address, link.field, link.type) for link in links.objects]
    table = render_table(("ADDRESS", "FIELD", "TYPE"), rows, width=width)
    return f"{title} {links.count:,}{more}:\n{table}"


def _render_paths(paths: Sequence[RootPath]) -> str:
    if not paths:
        return "no root leads to it: it is garbage"
    return "\n".join(["held by:", *(printable(line) for path in paths for line in path_lines(path))])

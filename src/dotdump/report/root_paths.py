"""Ways from roots as text: a root, then one line for each object on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.root_paths import group_text
from dotdump.analysis.rooted_heap import RootGroup
from dotdump.report.counting import counted
from dotdump.report.listing import csv_text
from dotdump.report.table import fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.links import Link
    from dotdump.analysis.root_paths import HeldObject, HeldObjects, HeldTypes, PathShape, RootPath
    from dotdump.analysis.rooted_heap import RootName

_POSSIBLE = "StackConservative"
_FIRST_STEPS, _LAST_STEPS = 20, 10


def render_objects(found: HeldObjects, width: int | None) -> str:
    """Return all ways to each object."""
    return "\n\n".join(_lines(_of_object(held), width) for held in found.objects)


def render_types(found: HeldTypes, width: int | None) -> str:
    """Return each shape with its count and an example, and the totals."""
    parts = [_lines(_of_shape(shape), width) for shape in found.shapes]
    more = found.shape_count - len(found.shapes)
    foot = f"{counted(found.count, 'object')}, {found.size:,} bytes, {found.garbage:,} of them garbage"
    return "\n\n".join([*parts, foot + (f"; {more:,} more ways" if more > 0 else "")])


def objects_csv(found: HeldObjects) -> str:
    """Return a line for each step of each way."""
    header = ("object", "path", "root_kind", "root_name", "step", "address", "type", "field")
    rows = (
        (held.address, number, path.roots[0].kind, path.roots[0].name, place, step.address, step.type, step.field)
        for held in found.objects
        for number, path in enumerate(held.paths)
        for place, step in enumerate(path.steps)
    )
    return csv_text(header, rows)


def types_csv(found: HeldTypes) -> str:
    """Return a line for each shape."""
    header = ("name", "count", "size", "root_kind", "root_name", "example")
    rows = ((s.name, s.count, s.size, s.root.kind, s.root.name, s.example.steps[-1].address) for s in found.shapes)
    return csv_text(header, rows)


def path_lines(path: RootPath, indent: str = "  ") -> Iterator[str]:
    """Yield the lines of one way: its roots, possible ones only where there are no others, and each object.

    Of a way through a long list the middle is left out: a linked list of a million nodes is one finding.
    """
    certain = [root for root in path.roots if root.kind != _POSSIBLE] or path.roots
    yield f"{indent}{', '.join(dict.fromkeys(root_text(root) for root in certain))}"
    steps, between = path.steps, len(path.steps) - _FIRST_STEPS - _LAST_STEPS
    if between <= 1:
        yield from (f"{indent}  -> {step_text(step)}" for step in steps)
        return
    yield from (f"{indent}  -> {step_text(step)}" for step in steps[:_FIRST_STEPS])
    yield f"{indent}  ... {between:,} more objects ..."
    yield from (f"{indent}  -> {step_text(step)}" for step in steps[-_LAST_STEPS:])


def step_text(step: Link) -> str:
    """Return an object and its field: ``0x7f… Billing.Cache._entries``."""
    field = step.field if step.field.startswith("[") or not step.field else f".{step.field}"
    return f"{step.address}  {step.type}{field if not field.startswith('.(') else ' ' + field[1:]}"


def root_text(root: RootName) -> str:
    """Return a root in words."""
    words = group_text(RootGroup(root.kind, root.name))
    return words if root.name else f"{words} {root.address}"


def _of_object(held: HeldObject) -> Iterator[str]:
    yield f"{held.address}  {held.name}, {held.size:,} bytes"
    if not held.paths:
        yield "  no root leads to it: it is garbage"
    for path in held.paths:
        yield from path_lines(path)


def _of_shape(shape: PathShape) -> Iterator[str]:
    yield f"{counted(shape.count, 'object')}, {shape.size:,} bytes: {shape.name}"
    yield "  such as"
    yield from path_lines(shape.example, "    ")


def _lines(lines: Iterator[str], width: int | None) -> str:
    return "\n".join(fitted(line, width) for line in lines)

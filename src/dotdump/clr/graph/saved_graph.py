"""An ``ObjectGraph`` in an index file: saved when it has been built, mapped when it is wanted again.

What follows from it is saved apart: ``saved_parts``.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from dotdump.clr.contracts.method_tables import ObjectShape
from dotdump.clr.graph.index_file import IndexContents
from dotdump.clr.graph.object_graph import ObjectGraph
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.graph.index_folder import IndexFolder

GRAPH = "graph-1"
"""The number grows when how it is saved changes; for what is an object or a reference ``index_file.MAGIC`` does."""

_COLUMNS = {
    "addresses": "Q",
    "type_ids": "I",
    "sizes": "IQ",
    "generations": "B",
    "edge_offsets": "IQ",
    "edge_targets": "I",
}
_TYPES = ("method_table", "base_size", "component_size", "flags")
_POINTERS, _COLLECTIBLE, _FREE = 1, 2, 4


def save_graph(folder: IndexFolder, graph: ObjectGraph) -> str | None:
    """Save ``graph``; return the file's path, or None where no place takes it."""
    columns = {name: getattr(graph, name) for name in _COLUMNS}
    problems = [[problem.kind, problem.message] for problem in graph.problems]
    facts = {"dangling": graph.dangling, "problems": problems}
    return folder.write(GRAPH, IndexContents(columns | _type_columns(graph.types), facts))


def load_graph(folder: IndexFolder) -> ObjectGraph | None:
    """Return the graph that was saved, without roots, or None where there is none that fits together."""
    contents = folder.read(GRAPH)
    if contents is None or not _fits(contents):
        return None
    columns = contents.columns
    return ObjectGraph(
        columns["addresses"],
        columns["type_ids"],
        columns["sizes"],
        columns["generations"],
        columns["edge_offsets"],
        columns["edge_targets"],
        _types(contents),
        problems=_problems(contents.facts.get("problems")),
        dangling=int(contents.facts.get("dangling", 0)),
    )


def _type_columns(types: Sequence[ObjectShape]) -> dict[str, memoryview[int]]:
    flags = (_POINTERS * t.contains_pointers | _COLLECTIBLE * t.collectible | _FREE * t.is_free for t in types)
    rows = {
        "method_table": array("Q", (t.method_table for t in types)),
        "base_size": array("Q", (t.base_size for t in types)),
        "component_size": array("Q", (t.component_size for t in types)),
        "flags": array("Q", flags),
    }
    return {name: memoryview(row) for name, row in rows.items()}


def _types(contents: IndexContents) -> tuple[ObjectShape, ...]:
    rows = zip(*(contents.columns[name] for name in _TYPES), strict=True)
    return tuple(
        ObjectShape(m, b, c, bool(f & _POINTERS), bool(f & _COLLECTIBLE), bool(f & _FREE)) for m, b, c, f in rows
    )


def _fits(contents: IndexContents) -> bool:
    """Return whether the columns are of the right type and length, and the last reference is there."""
    columns = contents.columns
    count = len(columns.get("addresses", ()))
    objects = {name: codes for name, codes in _COLUMNS.items() if not name.startswith("edge_")}
    if not _have(contents, objects, count) or not _have(contents, {"edge_offsets": "IQ"}, count + 1):
        return False
    targets, kinds = columns.get("edge_targets"), columns.get("method_table")
    if targets is None or targets.format != "I" or columns["edge_offsets"][-1] != len(targets) or kinds is None:
        return False
    return _have(contents, dict.fromkeys(_TYPES, "Q"), len(kinds))


def _have(contents: IndexContents, codes: dict[str, str], count: int) -> bool:
    found = {name: contents.columns.get(name) for name in codes}
    return all(c is not None and c.format in codes[name] and len(c) == count for name, c in found.items())


def _problems(rows: object) -> tuple[Problem, ...]:
    if not isinstance(rows, list):
        return ()
    return tuple(Problem(str(row[0]), str(row[1])) for row in rows if isinstance(row, list) and len(row) == 2)

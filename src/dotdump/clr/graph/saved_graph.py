"""An ``ObjectGraph`` in an index file: saved when it has been built, mapped when it is wanted again.

What depends on roots is saved apart, for the roots that it was computed from.
"""

from __future__ import annotations

import hashlib
from array import array
from typing import TYPE_CHECKING

from dotdump.clr.contracts.method_tables import ObjectShape
from dotdump.clr.graph.dominator_tree import DominatorTree
from dotdump.clr.graph.index_file import IndexContents
from dotdump.clr.graph.object_graph import ObjectGraph
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dotdump.clr.graph.index_folder import IndexFolder

GRAPH = "graph"
_COLUMNS = {
    "addresses": "Q",
    "type_ids": "I",
    "sizes": "IQ",
    "generations": "B",
    "edge_offsets": "IQ",
    "edge_targets": "I",
}
_TYPES = ("method_table", "base_size", "component_size", "flags")
_POINTERS, _COLLECTIBLE = 1, 2


def save_graph(folder: IndexFolder, graph: ObjectGraph) -> Path | None:
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


def save_tree(folder: IndexFolder, graph: ObjectGraph) -> Path | None:
    """Compute what depends on ``graph.roots`` and save it; return the file's path, or None where no place takes it."""
    tree = graph.dominator_tree
    columns = {"parents": graph.parents, "dominators": tree.dominators, "retained_sizes": tree.retained_sizes}
    return folder.write(_tree_name(graph.roots), IndexContents(columns))


def load_tree(folder: IndexFolder, graph: ObjectGraph) -> bool:
    """Give ``graph`` what was saved for its roots; return whether there was anything."""
    contents = folder.read(_tree_name(graph.roots))
    expected = {"parents": "I", "dominators": "I", "retained_sizes": "Q"}
    if contents is None or not _have(contents, expected, len(graph)):
        return False
    columns = contents.columns
    graph.__dict__["parents"] = columns["parents"]
    graph.__dict__["dominator_tree"] = DominatorTree(columns["dominators"], columns["retained_sizes"])
    return True


def _tree_name(roots: array[int]) -> str:
    return f"tree-{hashlib.sha256(roots.tobytes()).hexdigest()[:32]}"


def _type_columns(types: Sequence[ObjectShape]) -> dict[str, memoryview[int]]:
    flags = (_POINTERS * t.contains_pointers | _COLLECTIBLE * t.collectible for t in types)
    rows = {
        "method_table": array("Q", (t.method_table for t in types)),
        "base_size": array("Q", (t.base_size for t in types)),
        "component_size": array("Q", (t.component_size for t in types)),
        "flags": array("Q", flags),
    }
    return {name: memoryview(row) for name, row in rows.items()}


def _types(contents: IndexContents) -> tuple[ObjectShape, ...]:
    rows = zip(*(contents.columns[name] for name in _TYPES), strict=True)
    return tuple(ObjectShape(m, b, c, bool(f & _POINTERS), bool(f & _COLLECTIBLE)) for m, b, c, f in rows)


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

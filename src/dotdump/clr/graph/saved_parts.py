"""What follows from a graph, each in an index file of its own: computed when it is first wanted, mapped from then on.

A file belongs to the graph and, where roots matter, to these roots: other roots are another file. Without a folder
everything is computed, in memory.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from dotdump.clr.graph.index_file import IndexContents
from dotdump.clr.graph.parts import ChildLinks, DominatorTree, Referrers, ShortestWays
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dotdump.clr.graph.index_folder import IndexFolder
    from dotdump.clr.graph.object_graph import ObjectGraph

    AnyPart = ShortestWays | Referrers | DominatorTree | ChildLinks
    Columns = Mapping[str, memoryview[int]]
    Shapes = Mapping[str, tuple[str, int]]


@record
class Part:
    """An attribute of a graph, a tuple of columns; ``shapes`` tells their type codes and how many numbers they have."""

    name: str
    kind: type[AnyPart]
    shapes: Callable[[ObjectGraph], Shapes]
    rooted: bool = True


WAYS = Part("shortest_ways", ShortestWays, lambda g: {"parents": ("I", len(g))})
REFERRERS = Part(
    "referrer_columns",
    Referrers,
    lambda g: {"offsets": (g.edge_offsets.format, len(g) + 1), "rows": ("I", g.edge_count)},
    rooted=False,
)
DOMINATORS = Part(
    "dominator_tree", DominatorTree, lambda g: {"dominators": ("I", len(g)), "retained_sizes": ("Q", len(g))}
)
CHILDREN = Part("child_links", ChildLinks, lambda g: {"first": ("I", len(g) + 1), "following": ("I", len(g))})


def ensure(
    graph: ObjectGraph, part: Part, folder: IndexFolder | None, make: Callable[[], AnyPart] | None = None
) -> None:
    """Have ``graph`` know ``part``: as saved in ``folder``, else made, by ``make`` or by itself, and saved there."""
    if part.name in graph.__dict__:
        return

    def columns() -> Columns:
        return (make() if make is not None else getattr(graph, part.name))._asdict()

    name = rooted_name(graph, part.name) if part.rooted else part.name
    graph.__dict__[part.name] = part.kind(**saved_columns(folder, name, part.shapes(graph), columns))


def saved_columns(folder: IndexFolder | None, name: str, shapes: Shapes, make: Callable[[], Columns]) -> Columns:
    """Return what the index ``name`` holds, where it has columns of these ``shapes``; else make it and save it."""
    found = _read(folder, name, shapes)
    if found is not None:
        return found
    made = make()
    if folder is not None and folder.write(name, IndexContents(made)) is not None:
        return _read(folder, name, shapes) or made  # the system's page cache holds it now instead of us
    return made


def rooted_name(graph: ObjectGraph, name: str) -> str:
    """Return the name of a file for what depends on the roots of ``graph``."""
    columns = graph.roots, graph.possible_roots
    return "-".join((name, *(f"{len(column):x}.{zlib.crc32(column):08x}" for column in columns)))


def _read(folder: IndexFolder | None, name: str, shapes: Shapes) -> Columns | None:
    contents = folder.read(name) if folder is not None else None
    if contents is None:
        return None
    columns = {key: column for key in shapes if (column := contents.columns.get(key)) is not None}
    fits = len(columns) == len(shapes) and all((c.format, len(c)) == shapes[key] for key, c in columns.items())
    return columns if fits else None

"""Roots in an index file: saved when they have been found, read when they are wanted again."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from dotdump.clr.graph.index_file import IndexContents
from dotdump.clr.model.root import ClrRoot, RootKind
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.graph.index_folder import IndexFolder

ROOTS = "roots-4"
"""The number grows when what is a root, or how it is saved, changes."""

_COLUMNS = ("address", "object", "thread", "kind", "name", "flags")
_INTERIOR, _PINNED = 1, 2


def save_roots(folder: IndexFolder, roots: Sequence[ClrRoot], problems: Sequence[Problem]) -> str | None:
    """Save ``roots``; return the file's path, or None where no place takes it."""
    names = {name: number for number, name in enumerate(dict.fromkeys(root.name for root in roots))}
    kinds = list(RootKind)
    columns = {
        "address": array("Q", (root.address for root in roots)),
        "object": array("Q", (root.object for root in roots)),
        "thread": array("Q", (root.thread for root in roots)),
        "kind": array("Q", (kinds.index(root.kind) for root in roots)),
        "name": array("Q", (names[root.name] for root in roots)),
        "flags": array("Q", (_INTERIOR * root.interior | _PINNED * root.pinned for root in roots)),
    }
    facts = {
        "kinds": [str(kind) for kind in kinds],
        "names": list(names),
        "problems": [[problem.kind, problem.message] for problem in problems],
    }
    return folder.write(ROOTS, IndexContents({name: memoryview(column) for name, column in columns.items()}, facts))


def load_roots(folder: IndexFolder) -> tuple[list[ClrRoot], list[Problem]] | None:
    """Return the roots that were saved and the problems of finding them; None where there are none that fit."""
    contents = folder.read(ROOTS)
    if contents is None:
        return None
    try:
        rows = zip(*(contents.columns[name] for name in _COLUMNS), strict=True)
        names, kinds = contents.facts["names"], [RootKind(kind) for kind in contents.facts["kinds"]]
        roots = [
            ClrRoot(kinds[kind], address, target, str(names[name]), bool(f & _INTERIOR), bool(f & _PINNED), thread)
            for address, target, thread, kind, name, f in rows
        ]
        problems = [Problem(str(kind), str(message)) for kind, message in contents.facts["problems"]]
    except (KeyError, IndexError, ValueError, TypeError):
        return None
    return roots, problems

"""``RootedHeap``: a heap's graph, its roots by name, and what follows from them, saved beside the core.

Roots fall into groups: each static by its name, handles by their kind, each thread's stack, and so on. What only a
possible root keeps (a word on a stack that may be stale) counts for it only where nothing certain leads there.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from dotdump.analysis.statistics import FREE
from dotdump.clr.graph.columns import allocate
from dotdump.clr.graph.saved_parts import CHILDREN, DOMINATORS, REFERRERS, WAYS, ensure, rooted_name, saved_columns
from dotdump.clr.model.root import RootKind
from dotdump.kernels import paths, retention, tally
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.graph.index_folder import IndexFolder
    from dotdump.clr.graph.object_graph import ObjectGraph
    from dotdump.clr.graph.parts import DominatorTree
    from dotdump.clr.graph.saved_parts import Part
    from dotdump.clr.model.root import ClrRoot
    from dotdump.clr.model.rooted_graph import RootedGraph
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem

STATICS_STORAGE = "StaticsStorage"
"""Kind of the group for what only the arrays hold that statics stand in: literals, boxed statics, types."""

_NAMED = (RootKind.STATIC, RootKind.THREAD_STATIC)
_STACKS = (RootKind.STACK, RootKind.STACK_CONSERVATIVE)
_ORDER = {
    kind: number
    for number, kind in enumerate(
        (*_NAMED, RootKind.STACK, *(k for k in RootKind if k.endswith("Handle")), RootKind.FINALIZER_QUEUE)
    )
}


@record
class RootName:
    """What keeps an object by itself. ``address`` is the slot that does, ``0x0`` where none does."""

    kind: str
    name: str
    address: str


@record
class RootGroup:
    """Roots that are told as one: of a static, of a thread, or of all handles of one kind."""

    kind: str
    name: str = ""


class Amounts(NamedTuple):
    """Objects and bytes by type."""

    live_counts: memoryview[int]
    live_sizes: memoryview[int]
    dead_counts: memoryview[int]
    dead_sizes: memoryview[int]


class RootedHeap:
    """The heap of ``runtime`` with its roots; ``folder`` is where what is computed is saved and found again."""

    def __init__(
        self,
        runtime: ClrRuntime,
        rooted: RootedGraph,
        folder: IndexFolder | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.runtime = runtime
        self.rooted = rooted
        self.graph: ObjectGraph = rooted.graph
        self._folder = folder
        self._progress = progress

    @classmethod
    def of(cls, runtime: ClrRuntime, folder: IndexFolder | None = None, progress: Progress | None = None) -> RootedHeap:
        """Return the heap of ``runtime``: as saved in ``folder``, else built and saved there."""
        return cls(runtime, runtime.rooted_graph(folder, progress), folder, progress)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was damaged or missing: of the heap, of its graph, of what was looked through for roots."""
        found = (*self.runtime.heap.problems, *self.graph.problems, *self.rooted.problems)
        return tuple(dict.fromkeys(found))

    @cached_property
    def parents(self) -> memoryview[int]:
        """The shortest way to each object, as ``ShortestWays`` has it."""
        return self._ensure(WAYS, "finding ways from roots").parents

    def row_of(self, address: int) -> int:
        """Return the row of the object at ``address``; raises ``InvalidObject`` where none starts there."""
        row = self.graph.find(address)
        if row is None:
            raise self.runtime.heap.no_object(address, "no object starts there")
        return row

    def is_live(self, row: int) -> bool:
        """Return whether a root leads to ``row``."""
        return self.parents[row] != 0

    @property
    def referrers(self) -> tuple[memoryview[int], memoryview[int]]:
        """References turned round."""
        return self._ensure(REFERRERS, "turning references round").referrer_columns

    @property
    def dominators(self) -> memoryview[int]:
        """The immediate dominator of each object."""
        return self._dominator_tree.dominators

    @property
    def retained_sizes(self) -> memoryview[int]:
        """The bytes that each object retains."""
        return self._dominator_tree.retained_sizes

    @cached_property
    def _dominator_tree(self) -> DominatorTree:
        _ = self.parents  # saved apart, and needed to know which possible roots count
        ensure(self.graph, DOMINATORS, self._folder, lambda: self.graph.build_dominator_tree(self._tell))
        return self.graph.dominator_tree

    @property
    def children(self) -> tuple[memoryview[int], memoryview[int]]:
        """The dominator tree from above."""
        _ = self.dominators
        return self._ensure(CHILDREN, "linking dominators").child_links

    @cached_property
    def type_retention(self) -> tuple[memoryview[int], memoryview[int]]:
        """Live objects of each type, and the bytes that they retain together."""
        kinds = len(self.graph.types)

        def make() -> Mapping[str, memoryview[int]]:
            counts, totals, opened = allocate("Q", kinds), allocate("Q", kinds), allocate("I", kinds)
            columns = (self.dominators, *self.children, self.graph.type_ids, self.retained_sizes)
            self._tell("adding up types")
            retention.retained_by_type(*columns, opened, counts, totals)
            return {"counts": counts, "totals": totals}

        found = self._saved("types", dict.fromkeys(("counts", "totals"), ("Q", kinds)), make)
        return found["counts"], found["totals"]

    @cached_property
    def amounts(self) -> Amounts:
        """Objects and bytes of each type, those that live apart from those that do not."""
        kinds, graph = len(self.graph.types), self.graph
        names = ("live_counts", "live_sizes", "dead_counts", "dead_sizes")

        def make() -> Mapping[str, memoryview[int]]:
            self._tell("counting what lives")
            made = {name: allocate("Q", kinds) for name in names}
            columns = (graph.type_ids, graph.sizes, self.parents)
            tally.count_rows(0, len(graph), *columns, 1, made["live_counts"], made["live_sizes"])
            tally.count_rows(0, len(graph), *columns, 0, made["dead_counts"], made["dead_sizes"])
            return made

        return Amounts(**self._saved("amounts", dict.fromkeys(names, ("Q", kinds)), make))

    @cached_property
    def root_retention(self) -> tuple[memoryview[int], memoryview[int]]:
        """Objects and bytes by colour: 0 unreached, 1 held by several groups, g + 2 by ``groups[g]`` alone."""
        colours = len(self.groups) + 2

        def make() -> Mapping[str, memoryview[int]]:
            counts, totals = allocate("Q", colours), allocate("Q", colours)
            paths.add_colours(self._colours(), self.graph.sizes, counts, totals)
            return {"counts": counts, "totals": totals}

        found = self._saved("groups-2", dict.fromkeys(("counts", "totals"), ("Q", colours)), make)
        return found["counts"], found["totals"]

    @cached_property
    def groups(self) -> list[RootGroup]:
        """The groups of roots: certain ones first, then what only arrays of statics hold, then possible ones."""
        return list(self._members)

    def group_of(self, row: int) -> RootGroup:
        """Return the group of the surest root of ``row``, which must have one."""
        return self._group(row, min(self.rooted.roots_of(row), key=_surest))

    def root_names(self, row: int) -> tuple[RootName, ...]:
        """Return what keeps the object of ``row`` by itself, the surest first."""
        found = sorted(self.rooted.roots_of(row), key=_surest)
        return tuple(RootName(str(root.kind), root.name, f"{root.address:#x}") for root in found)

    def type_name(self, kind: int) -> str:
        """Return the name of a type by its index in the graph."""
        shape = self.graph.types[kind]
        return FREE if shape.is_free else self.runtime.type_name(shape.method_table)

    @cached_property
    def _members(self) -> dict[RootGroup, list[int]]:
        """Rows of each group; a row can be in several."""
        members: dict[RootGroup, list[int]] = {}
        for row in (*self.graph.roots, *self.graph.possible_roots):
            for group in {self._group(row, root) for root in self.rooted.roots_of(row)}:
                members.setdefault(group, []).append(row)
        ranked = sorted(members, key=lambda group: (self._rank(group), group.kind, group.name))
        return {group: members[group] for group in ranked}

    @staticmethod
    def _rank(group: RootGroup) -> int:
        return 2 if group.kind == RootKind.STACK_CONSERVATIVE else 1 if group.kind == STATICS_STORAGE else 0

    def _group(self, row: int, root: ClrRoot) -> RootGroup:
        if root.kind in _NAMED:
            return RootGroup(str(root.kind), root.name)
        if root.kind in _STACKS:
            return RootGroup(str(root.kind), f"thread {root.thread}")
        return RootGroup(STATICS_STORAGE if row in self._storage else str(root.kind))

    @cached_property
    def _storage(self) -> frozenset[int]:
        """Rows of the arrays that statics stand in."""
        slots = (root.address for root in self.rooted.roots if root.kind in _NAMED and root.address)
        return frozenset(row for slot in slots if (row := self._row_around(slot)) is not None)

    def _row_around(self, address: int) -> int | None:
        row = bisect_right(self.graph.addresses, address) - 1
        return row if row >= 0 and address < self.graph.addresses[row] + self.graph.sizes[row] else None

    def _colours(self) -> memoryview[int]:
        graph = self.graph
        colours, queue = allocate("I", len(graph)), allocate("I", len(graph))
        ranks = [self._rank(group) for group in self.groups]
        for number, (rank, rows) in enumerate(zip(ranks, self._members.values(), strict=True)):
            self._tell("following each root", number, len(ranks))
            lowest = ranks.index(rank) + 2
            starts = array("I", rows)
            paths.colour(starts, number, lowest, graph.edge_offsets, graph.edge_targets, colours, queue)
        return colours

    def _ensure(self, part: Part, phase: str) -> ObjectGraph:
        if part.name not in self.graph.__dict__:
            self._tell(phase)
            ensure(self.graph, part, self._folder)
        return self.graph

    def _saved(
        self, name: str, shapes: Mapping[str, tuple[str, int]], make: Callable[[], Mapping[str, memoryview[int]]]
    ) -> Mapping[str, memoryview[int]]:
        return saved_columns(self._folder, rooted_name(self.graph, name), shapes, make)

    def _tell(self, phase: str, done: int = 0, total: int = 1) -> None:
        if self._progress is not None:
            size = sum(segment.end - segment.start for segment in self.runtime.heap.segments)
            self._progress(phase, size * done // max(1, total), size)


def types_named(heap: RootedHeap, pattern: str | None) -> bytearray:
    """Return a mark for each type of the graph: 1 where its name matches; free space only where it is asked for."""
    import re

    if not pattern:
        return bytearray(not shape.is_free for shape in heap.graph.types)
    search = re.compile(pattern).search
    return bytearray(search(heap.type_name(kind)) is not None for kind in range(len(heap.graph.types)))


def _surest(root: ClrRoot) -> tuple[int, int]:
    return _ORDER.get(root.kind, len(_ORDER)), root.address

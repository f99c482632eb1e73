"""Finds the roots of one runtime: of handles, the finalizer queue, statics and stacks."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from dotdump.clr.contracts.finalize_queue import FinalizeQueues
from dotdump.clr.contracts.handles import HandleKind, Handles
from dotdump.clr.contracts.stack_words import containing_row, words_into, words_of_records
from dotdump.clr.model.root import ClrRoot, RootKind
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import MemoryFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dotdump.clr.contracts.finalize_queue import Finalizable
    from dotdump.clr.contracts.handles import Handle
    from dotdump.clr.contracts.stack_words import StackWord
    from dotdump.clr.graph.object_graph import ObjectGraph
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.stack_roots import ClrStackRoots
    from dotdump.clr.model.static_finder import StaticFinder
    from dotdump.clr.model.thread import ClrThread
    from dotdump.target.model import Problem, Thread

_HANDLES = {
    HandleKind.STRONG: RootKind.STRONG_HANDLE,
    HandleKind.PINNED: RootKind.PINNED_HANDLE,
    HandleKind.REF_COUNTED: RootKind.REF_COUNTED_HANDLE,
    HandleKind.ASYNC_PINNED: RootKind.ASYNC_PINNED_HANDLE,
    HandleKind.SIZED_REF: RootKind.SIZED_REF_HANDLE,
}
_PINNING = (HandleKind.PINNED, HandleKind.ASYNC_PINNED)


class RootFinder:
    """The roots of the objects in ``heap``. Each part is read when it is asked for, once."""

    def __init__(
        self,
        heap: ClrHeap,
        statics: StaticFinder,
        threads: Sequence[ClrThread],
        stacks: Callable[[], ClrStackRoots] | None,
    ) -> None:
        self._access = heap.access
        self._heap = heap
        self._statics = statics
        self._threads = threads
        self._stacks = stacks
        self._found: list[Problem] = []

    @property
    def problems(self) -> Sequence[Problem]:
        """What could not be read so far."""
        return (*self._found, *self._statics.problems)

    @cached_property
    def handles(self) -> Sequence[Handle]:
        """Every handle that holds an object."""
        found = Handles(self._access, len(self._heap.collector.heaps()))
        handles = found.read()
        self._found += found.problems
        return handles

    @cached_property
    def dependents(self) -> Mapping[int, tuple[int, int]]:
        """The primary and the secondary, 0 for none, of every dependent handle that has the first, by its address."""
        kind = HandleKind.DEPENDENT
        return {h.address: (h.target, h.secondary) for h in self.handles if h.kind is kind}

    @cached_property
    def finalizable_objects(self) -> Sequence[Finalizable]:
        """Every object in the finalizer queues."""
        queues = FinalizeQueues(self._access)
        found = queues.read(self._heap.collector.heaps())
        self._found += queues.problems
        return found

    def find(self, graph: ObjectGraph) -> list[ClrRoot]:
        """Return every root of the objects in ``graph``."""
        return [
            *handle_roots(self.handles),
            *finalizer_roots(self.finalizable_objects),
            *static_roots(self._statics, [shape.method_table for shape in graph.types]),
            *self._stack_roots(graph),
        ]

    def _stack_roots(self, graph: ObjectGraph) -> Iterator[ClrRoot]:
        """Yield what frames say of threads of which they say all; what the others could keep, word by word."""
        threads = self._access.target.threads
        names = {thread.tid: thread.name for thread in threads}
        if self._stacks is not None:
            stacks = self._stacks()
            yield from stacks.roots_of_complete_threads(partial(_locate, graph))
            threads = stacks.other_threads(threads)
        yield from conservative_roots(self._words(threads), graph, names)

    def _words(self, threads: Iterable[Thread]) -> Iterator[StackWord]:
        """Yield what stacks could point to and, of NativeAOT, the records of threads: those hold thread statics."""
        access, segments = self._access, self._heap.segments
        yield from words_into(access.target, segments, threads)
        if access.runtime.kind is RuntimeKind.NATIVE_AOT:
            records = ((thread.os_id, thread.address) for thread in self._threads)
            yield from words_of_records(access.target, segments, records, access.size("RuntimeThreadLocals"))


def _locate(graph: ObjectGraph, address: int) -> int | None:
    """Return the address of the object that ``address`` lies in; None where it is in none."""
    row = containing_row(graph.addresses, graph.sizes, address)
    if row is None or graph.types[graph.type_ids[row]].is_free:
        return None
    return graph.addresses[row]


def handle_roots(handles: Iterable[Handle]) -> Iterator[ClrRoot]:
    """Yield the handles that keep their objects alive; of a reference count that may be 0 it is assumed that it is not.

    Which objects a reference count keeps is known to who counts: none that may live is called dead.
    """
    for handle in handles:
        kind = _HANDLES.get(handle.kind)
        if kind is not None:
            yield ClrRoot(kind, handle.address, handle.target, pinned=handle.kind in _PINNING)


def finalizer_roots(queue: Iterable[Finalizable]) -> Iterator[ClrRoot]:
    """Yield the objects whose finalizer is to run."""
    for entry in queue:
        if entry.is_ready:
            name = "critical finalizer" if entry.critical else "finalizer"
            yield ClrRoot(RootKind.FINALIZER_QUEUE, entry.address, entry.target, name)


def static_roots(finder: StaticFinder, known: Iterable[int]) -> Iterator[ClrRoot]:
    """Yield the static fields that hold an object, and what keeps the thread statics of each thread.

    Those of a type that can be unloaded are no roots: its LoaderAllocator refers to what they hold.
    """
    for static in finder.find(known, lambda kind: not (kind.is_array or kind.is_collectible)):
        try:
            target = static.object
        except MemoryFault:
            continue
        if target:
            kind = RootKind.STATIC if static.thread is None else RootKind.THREAD_STATIC
            thread = static.thread.os_id if static.thread is not None else 0
            yield ClrRoot(kind, static.address, target, static.name, thread=thread)
    for owner, target in finder.thread_storage():
        name = f"thread statics of thread {owner.os_id}"
        yield ClrRoot(RootKind.THREAD_STATIC, 0, target, name, thread=owner.os_id)


def conservative_roots(words: Iterable[StackWord], graph: ObjectGraph, names: Mapping[int, str]) -> Iterator[ClrRoot]:
    """Yield what ``words`` could keep, each object once for each slot; ``names`` are those of threads."""
    free = {index for index, shape in enumerate(graph.types) if shape.is_free}
    for word in words:
        row = containing_row(graph.addresses, graph.sizes, word.value)
        if row is None or graph.type_ids[row] in free:
            continue
        address = graph.addresses[row]
        name = " ".join(filter(None, (f"thread {word.thread}", names.get(word.thread, ""), word.register)))
        kind, interior = RootKind.STACK_CONSERVATIVE, word.value != address
        yield ClrRoot(kind, word.address, address, name, interior=interior, thread=word.thread)

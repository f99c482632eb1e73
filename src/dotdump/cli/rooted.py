"""What commands share that ask the graph of a heap: opening it with its roots, and saying what was damaged."""

from __future__ import annotations

from contextlib import contextmanager

from dotdump.cli.answer import tell_damage, tell_moving
from dotdump.cli.target_arguments import index_of, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.cli.console import Console
    from dotdump.clr.model.runtime import ClrRuntime


@contextmanager
def open_rooted(arguments: Namespace, console: Console) -> Iterator[RootedHeap]:
    """Open the heap of the core or process that the command line names, with its roots; progress goes to stderr."""
    from dotdump.clr.model.runtime import ClrRuntime

    with open_target(arguments, console) as target:
        runtime = ClrRuntime.of(target)
        if not runtime.heap.can_walk:
            tell_moving(console)
        with rooted_heap(runtime, arguments, console) as heap:
            yield heap


@contextmanager
def rooted_heap(runtime: ClrRuntime, arguments: Namespace, console: Console) -> Iterator[RootedHeap]:
    """Give the heap of ``runtime`` with its roots; whatever is asked of it says how far it is where it takes long."""
    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.cli.progress import ProgressLine

    with ProgressLine(console) as progress:
        yield RootedHeap.of(runtime, index_of(arguments, runtime.target), progress)


def tell_problems(heap: RootedHeap, console: Console) -> int:
    """Say what was damaged; return the exit code that fits."""
    return tell_damage(heap.problems, console, walkable=heap.runtime.heap.can_walk)

"""``dotdump locks``: who has which lock, who waits for whom, and what is a deadlock."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_heap_damage
from dotdump.cli.target_arguments import add_target, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump locks core.4711                deadlocks by name, who waits for what, every lock that is taken
  dotdump locks -p 4711                  of a process that hangs, which stands still for a moment
  dotdump locks core.4711 --format json  with the stacks of owners"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where what the runtime keeps of locks could not be read in full."""
    from dotdump.analysis.locks import lock_report
    from dotdump.cli.progress import ProgressLine
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report.locks import locks_csv, render_locks

    with open_target(arguments, console) as target, ProgressLine(console) as progress:
        runtime = ClrRuntime.of(target)
        whole = runtime.heap.can_walk
        found = lock_report(runtime, progress)
    status = tell_heap_damage(found.problems, console, whole=whole)
    print_answer(console, "dotdump/locks/1", found, partial(render_locks, found), partial(locks_csv, found))
    return status

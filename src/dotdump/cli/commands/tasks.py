"""``dotdump tasks``: asynchronous methods that have not ended, what each waits for, and who awaits it."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_heap_damage
from dotdump.cli.listing_arguments import add_listing, choice_of
from dotdump.cli.target_arguments import add_target, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump tasks core.4711                     where asynchronous methods wait, equal stacks once, the most first
  dotdump tasks core.4711 --type 'LoadOrder'  stacks with such a method or task in them
  dotdump tasks -p 4711 --sort depth --limit 5
  dotdump tasks core.4711 --format json       with the address of every state"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_listing(parser, "stacks", ("count", "depth", "name"), matched="method or type")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the heap, or what tasks refer to, could not be read in full."""
    from dotdump.analysis.async_stacks import list_async_stacks
    from dotdump.cli.progress import ProgressLine
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report import async_stacks as report

    with open_target(arguments, console) as target, ProgressLine(console) as progress:
        runtime = ClrRuntime.of(target)
        whole = runtime.heap.can_walk
        found = list_async_stacks(runtime, progress)
    status = tell_heap_damage(found.problems, console, whole=whole)
    chosen = report.select(found, choice_of(arguments))
    text = partial(report.render_async_stacks, chosen)
    print_answer(console, "dotdump/tasks/1", chosen, text, partial(report.async_stacks_csv, chosen))
    return status

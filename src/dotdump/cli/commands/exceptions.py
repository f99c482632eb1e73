"""``dotdump exceptions``: the exceptions of a heap, and which thread or task has each."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_heap_damage
from dotdump.cli.listing_arguments import add_listing, choice_of
from dotdump.cli.target_arguments import add_index, add_target, index_of, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.analysis.exceptions import ExceptionList
    from dotdump.cli.console import Console
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.model.runtime import ClrRuntime

EXAMPLES = """\
  dotdump exceptions core.4711                        all of the heap: message, stack trace, what led to each
  dotdump exceptions core.4711 --held                 those that a thread or a task has
  dotdump exceptions core.4711 --live                 those that something still refers to
  dotdump exceptions -p 4711 --type 'Timeout' --limit 10
  dotdump exceptions core.4711 --format json"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_index(parser)
    add_listing(parser, "exceptions", ("address", "type", "message"))
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--live", action="store_true", help="only exceptions that roots reach")
    which.add_argument(
        "--held", action="store_true", help="only exceptions of threads and of tasks, and what led to them"
    )


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the heap could not be read in full."""
    from dotdump.cli.progress import ProgressLine
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report import exceptions as report

    with open_target(arguments, console) as target, ProgressLine(console) as progress:
        runtime = ClrRuntime.of(target)
        whole = runtime.heap.can_walk
        found = _exceptions(runtime, arguments, progress)
    status = tell_heap_damage(found.problems, console, whole=whole)
    chosen = report.select(found, choice_of(arguments))
    text = partial(report.render_exceptions, chosen)
    print_answer(console, "dotdump/exceptions/1", chosen, text, partial(report.exceptions_csv, chosen))
    return status


def _exceptions(runtime: ClrRuntime, arguments: Namespace, progress: Progress) -> ExceptionList:
    from dotdump.analysis.exceptions import held_only, list_exceptions, live_only

    found = list_exceptions(runtime, progress)
    if arguments.live:
        return live_only(found, runtime.rooted_graph(index_of(arguments, runtime.target), progress))
    return held_only(found) if arguments.held else found

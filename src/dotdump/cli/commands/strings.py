"""``dotdump strings``: the strings of a heap by text."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_heap_damage
from dotdump.cli.listing_arguments import add_listing, choice_of
from dotdump.cli.quantities import byte_count
from dotdump.cli.target_arguments import add_target, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump strings core.4711 --limit 20                  copies of which waste most
  dotdump strings core.4711 --sort length --limit 10    the ten longest
  dotdump strings core.4711 --type '^https?://'         those whose text matches
  dotdump strings -p 4711 --min-length 1000 --format csv"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_listing(parser, "strings", ("wasted", "count", "size", "length", "text"), matched="text")
    parser.add_argument(
        "--min-length", metavar="N", type=byte_count, default=0, help="only strings of at least N characters"
    )


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the heap could not be walked in full."""
    from dotdump.analysis.strings import string_statistics
    from dotdump.cli.progress import ProgressLine
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report import strings as report

    with open_target(arguments, console) as target, ProgressLine(console) as progress:
        runtime = ClrRuntime.of(target)
        whole = runtime.heap.can_walk
        found = string_statistics(runtime, arguments.type, min_length=arguments.min_length, progress=progress)
    status = tell_heap_damage(found.problems, console, whole=whole)
    chosen = report.select(found, choice_of(arguments))
    text = partial(report.render_strings, chosen)
    print_answer(console, "dotdump/strings/1", chosen, text, partial(report.strings_csv, chosen))
    return status

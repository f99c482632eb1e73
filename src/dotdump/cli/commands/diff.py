"""``dotdump diff``: what grew between two dumps, or in a process while one waits, and what holds it."""

from __future__ import annotations

import argparse
import time
from contextlib import contextmanager
from functools import partial

from dotdump.cli.answer import print_answer
from dotdump.cli.arguments import add_format
from dotdump.cli.core_arguments import add_symbols, add_sysroot
from dotdump.cli.listing_arguments import add_order, add_page, choice_of
from dotdump.cli.quantities import seconds
from dotdump.cli.registry import Exit
from dotdump.cli.rooted import open_rooted, tell_problems
from dotdump.cli.selection import process_id
from dotdump.cli.target_arguments import add_index
from dotdump.cli.together import not_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump diff core.before core.after                 types, roots and ways that grew
  dotdump diff core.before core.after --sort retained --limit 20
  dotdump diff core.before core.after --type '^Billing\\.' --format json
  dotdump diff -p 4711 --seconds 60                   a process now and in a minute"""

_DEFAULT_LIMIT = 20
_DEFAULT_SECONDS = 30.0


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("cores", nargs="*", metavar="CORE", help="two cores, the older first; none with -p")
    parser.add_argument(
        "-p", "--process-id", type=process_id, metavar="PID", help="a process that runs, looked at twice"
    )
    add_sysroot(parser)
    add_symbols(parser)
    add_format(parser, "csv")
    add_index(parser)
    parser.add_argument(
        "--seconds", metavar="N", type=seconds, help=f"how long to wait with -p; default: {_DEFAULT_SECONDS:g}"
    )
    add_order(parser, "types", ("size", "count", "retained", "name"), matched="name")
    add_page(parser, "types", f"{_DEFAULT_LIMIT} as text, else all")


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 3 where one of the heaps could not be read in full."""
    if len(arguments.cores) != (0 if arguments.process_id is not None else 2):
        console.error("two cores are compared, or a process with itself", "dotdump diff BEFORE AFTER, or -p PID")
        return Exit.USAGE
    if arguments.seconds is not None and arguments.process_id is None:
        return not_together(console, "--seconds", ["two cores"])
    from dotdump.analysis.growth import heap_growth
    from dotdump.report import growth as report

    with _both(arguments, console) as (before, after):
        if console.format == "text" and arguments.limit is None:
            arguments.limit = _DEFAULT_LIMIT
        found = report.select_types(heap_growth(before, after), choice_of(arguments))
        text = partial(report.render_growth, found)
        print_answer(console, "dotdump/diff/1", found, text, partial(report.types_csv, found))
        return max(tell_problems(before, console), tell_problems(after, console))


@contextmanager
def _both(arguments: Namespace, console: Console) -> Iterator[tuple[RootedHeap, RootedHeap]]:
    first, second = arguments.cores or (None, None)
    with open_rooted(_with_core(arguments, first), console) as before:
        if arguments.process_id is not None:
            time.sleep(_DEFAULT_SECONDS if arguments.seconds is None else arguments.seconds)
        with open_rooted(_with_core(arguments, second), console) as after:
            yield before, after


def _with_core(arguments: Namespace, core: str | None) -> Namespace:
    return argparse.Namespace(**vars(arguments) | {"core": core})

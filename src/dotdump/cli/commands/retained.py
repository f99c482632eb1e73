"""``dotdump retained``: what would go with it, by object, by type and by root; leak suspects with the reason."""

from __future__ import annotations

import argparse
from functools import partial

from dotdump.cli.answer import print_answer
from dotdump.cli.listing_arguments import choice_of, count, pattern
from dotdump.cli.quantities import address
from dotdump.cli.rooted import open_rooted, tell_problems
from dotdump.cli.target_arguments import add_index, add_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump retained core.4711                         leak suspects: what keeps a tenth of the heap or more, and why
  dotdump retained core.4711 --by type --limit 20    the types whose objects keep most alive
  dotdump retained core.4711 --by root               which static, handle or thread does
  dotdump retained core.4711 --by object --type '^Billing\\.'
  dotdump retained core.4711 --of 0x7f3a5c001000     what goes directly with one object: down the dominator tree
  dotdump retained -p 4711 --format json             of a process that runs"""

_SORTS = ("retained", "size", "count", "name")
_DEFAULT_LIMIT = 50


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_index(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--by", choices=("object", "type", "root"), help="a table instead of suspects")
    what.add_argument("--of", metavar="ADDRESS", type=address, help="objects that this one dominates directly")
    parser.add_argument("--type", metavar="REGEX", type=pattern, help="only rows whose name matches")
    parser.add_argument("--sort", choices=_SORTS, default="retained", help="of types and roots; default: %(default)s")
    parser.add_argument("--limit", metavar="N", type=count, help="at most N rows; of objects by default 50")
    parser.add_argument("--offset", metavar="N", type=count, default=0, help="leave out the first N rows")
    parser.add_argument(
        "--share", metavar="PERCENT", type=_percent, default=0.1, help="what is suspect: default 10, of what lives"
    )


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 3 where the heap could not be read in full."""
    with open_rooted(arguments, console) as heap:
        if arguments.by == "object" or arguments.of is not None:
            _print_objects(heap, arguments, console)
        elif arguments.by == "type":
            _print_types(heap, arguments, console)
        elif arguments.by == "root":
            _print_roots(heap, arguments, console)
        else:
            _print_suspects(heap, arguments, console)
        return tell_problems(heap, console)


def _print_objects(heap: RootedHeap, arguments: Namespace, console: Console) -> None:
    from dotdump.analysis.retention import retained_objects
    from dotdump.report import retention as report

    limit = arguments.limit or _DEFAULT_LIMIT
    found = retained_objects(heap, arguments.type, limit, arguments.offset, arguments.of)
    text = partial(report.render_objects, found)
    print_answer(console, "dotdump/retained-objects/1", found, text, partial(report.objects_csv, found))


def _print_types(heap: RootedHeap, arguments: Namespace, console: Console) -> None:
    from dotdump.analysis.retention import retained_types
    from dotdump.report import retention as report

    found = report.select_types(retained_types(heap), choice_of(arguments))
    text = partial(report.render_types, found)
    print_answer(console, "dotdump/retained-types/1", found, text, partial(report.types_csv, found))


def _print_roots(heap: RootedHeap, arguments: Namespace, console: Console) -> None:
    from dotdump.analysis.retention import retained_roots
    from dotdump.report import retention as report

    found = report.select_roots(retained_roots(heap), choice_of(arguments))
    text = partial(report.render_roots, found)
    print_answer(console, "dotdump/retained-roots/1", found, text, partial(report.roots_csv, found))


def _print_suspects(heap: RootedHeap, arguments: Namespace, console: Console) -> None:
    from dotdump.analysis.suspects import leak_suspects
    from dotdump.report import retention as report

    found = leak_suspects(heap, arguments.share)
    text = partial(report.render_suspects, found)
    print_answer(console, "dotdump/leak-suspects/1", found, text, partial(report.suspects_csv, found))


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage above 0 and up to 100")
    return value / 100

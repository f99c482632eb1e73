"""``dotdump retained``: what would go with it, by object, by type and by root; leak suspects with the reason."""

from __future__ import annotations

import argparse
from functools import partial

from dotdump.cli.answer import print_answer
from dotdump.cli.listing_arguments import add_order, add_page, choice_of
from dotdump.cli.quantities import address
from dotdump.cli.rooted import open_rooted, tell_problems
from dotdump.cli.target_arguments import add_index, add_target
from dotdump.cli.together import given, not_together

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

_SORTS = {
    "suspects": ("retained", "count", "name"),
    "type": ("retained", "size", "count", "name"),
    "root": ("retained", "count", "name"),
    "object": ("retained",),
}
"""The orders that rows have: what has no size cannot be sorted by it."""
_DEFAULT_LIMIT = 50


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_index(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--by", choices=("object", "type", "root"), help="a table instead of suspects")
    what.add_argument("--of", metavar="ADDRESS", type=address, help="objects that this one dominates directly")
    add_order(parser, "rows", _SORTS["type"], matched="name")
    add_page(parser, "rows", f"{_DEFAULT_LIMIT} objects, else all")
    share = "a suspect retains at least so much of what lives; default: 10"
    parser.add_argument("--share", metavar="PERCENT", type=_percent, help=share)


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 3 where the heap could not be read in full."""
    rows = "object" if arguments.of is not None else arguments.by or "suspects"
    if arguments.share is not None and rows != "suspects":
        return not_together(console, "--share", given(arguments, "by", "of"))
    if arguments.sort not in _SORTS[rows]:
        return not_together(console, f"--sort {arguments.sort}", given(arguments, "by", "of") or ["leak suspects"])
    with open_rooted(arguments, console) as heap:
        _PRINT[rows](heap, arguments, console)
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
    from dotdump.analysis.suspects import DEFAULT_SHARE, leak_suspects
    from dotdump.report import retention as report

    every = leak_suspects(heap, arguments.share or DEFAULT_SHARE)
    found = report.select_suspects(every, choice_of(arguments))
    text = partial(report.render_suspects, found, of=len(every.suspects), before=arguments.offset)
    print_answer(console, "dotdump/leak-suspects/1", found, text, partial(report.suspects_csv, found))


_PRINT = {"object": _print_objects, "type": _print_types, "root": _print_roots, "suspects": _print_suspects}


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage above 0 and up to 100")
    return value / 100

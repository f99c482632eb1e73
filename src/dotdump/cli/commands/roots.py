"""``dotdump roots``: who holds it, from roots down to an object, or to all objects of a type."""

from __future__ import annotations

import re
from functools import partial

from dotdump.cli.answer import print_answer
from dotdump.cli.arguments import add_format
from dotdump.cli.core_arguments import PROCESS, add_symbols, add_sysroot
from dotdump.cli.listing_arguments import count, expression, offset
from dotdump.cli.registry import Exit
from dotdump.cli.rooted import open_rooted, tell_problems
from dotdump.cli.selection import process_id
from dotdump.cli.target_arguments import add_index
from dotdump.cli.together import not_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump roots core.4711 0x7f3a5c001000             the shortest way from each of up to three roots
  dotdump roots core.4711 0x7f3a5c001000 --limit 20  from more of them
  dotdump roots core.4711 '^Billing\\.Invoice$'       all objects of a type, grouped by what the way looks like
  dotdump roots -p 4711 Invoice --format json        of a process that runs"""

DEFAULTS: dict[str, object] = {
    "process_id": None,
    "limit": None,
    "offset": 0,
    "sysroot": [],
    "symbols": [],
    "no_index": False,
}
WORDS = "words"
_DEFAULT_PATHS, _DEFAULT_SHAPES = 3, 10


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "words",
        nargs="+",
        metavar="CORE|ADDRESS|TYPE",
        help="a core file (none with -p), then addresses of objects or a regular expression that type names match",
    )
    parser.add_argument("-p", "--process-id", type=process_id, metavar="PID", help=PROCESS)
    add_sysroot(parser)
    add_symbols(parser)
    add_format(parser, "csv")
    add_index(parser)
    limit = f"at most N ways: to each object, default: {_DEFAULT_PATHS}, or of a type, default: {_DEFAULT_SHAPES}"
    parser.add_argument("--limit", metavar="N", type=count, help=limit)
    parser.add_argument("--offset", metavar="N", type=offset, help="of a type: leave out the first N ways")
    parser.set_defaults(**DEFAULTS)


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the heap could not be read in full."""
    arguments.core, *wanted = [None, *arguments.words] if arguments.process_id is not None else arguments.words
    if not wanted:
        console.error("what holds what? name the address of an object, or a type, after the core", "see --help")
        return Exit.USAGE
    addresses = [address for word in wanted if (address := _address(word)) is not None]
    if 0 < len(addresses) < len(wanted) or (not addresses and len(wanted) > 1):
        console.error("either addresses or one type", "put several types in one expression: 'Order|Invoice'")
        return Exit.USAGE
    if addresses and arguments.offset:
        return not_together(console, "--offset", ["addresses"])
    types, refusal = expression(wanted[0])
    if refusal:
        console.error(refusal, "see --help")
        return Exit.USAGE
    with open_rooted(arguments, console) as heap:
        if addresses:
            _print_objects(heap, addresses, arguments, console)
        else:
            _print_types(heap, types, arguments, console)
        return tell_problems(heap, console)


def _address(word: str) -> int | None:
    """Return the address that a word is, in any form that ``quantities.address`` takes.

    A short one needs its 0x, or a digit in front, with which no type's name begins.
    """
    digits = word.lower().replace("`", "")
    return int(digits, 16) if re.fullmatch("0x[0-9a-f]{1,16}|[0-9a-f]{8,16}|[0-9][0-9a-f]{0,15}", digits) else None


def _print_objects(heap: RootedHeap, addresses: list[int], arguments: Namespace, console: Console) -> None:
    from dotdump.analysis.root_paths import who_holds
    from dotdump.report import root_paths as report

    found = who_holds(heap, addresses, arguments.limit or _DEFAULT_PATHS)
    text = partial(report.render_objects, found)
    print_answer(console, "dotdump/roots/1", found, text, partial(report.objects_csv, found))


def _print_types(heap: RootedHeap, wanted: str, arguments: Namespace, console: Console) -> None:
    from dotdump.analysis.root_paths import who_holds_type
    from dotdump.report import root_paths as report

    found = who_holds_type(heap, wanted, arguments.limit or _DEFAULT_SHAPES, arguments.offset)
    text = partial(report.render_types, found)
    print_answer(console, "dotdump/roots-of-type/1", found, text, partial(report.types_csv, found))

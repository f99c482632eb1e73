"""``dotdump object``: one object, whole."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from contextlib import nullcontext
from functools import partial

from dotdump.cli.answer import print_answer, tell_damage
from dotdump.cli.listing_arguments import count
from dotdump.cli.quantities import address
from dotdump.cli.rooted import rooted_heap
from dotdump.cli.target_arguments import add_index, add_target, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console
    from dotdump.clr.model.runtime import ClrRuntime

EXAMPLES = """\
  dotdump object core.4711 0x7f3a5c001000              fields, what it holds, references in and out
  dotdump object core.4711 0x7f3a5c001000 --limit 500  more of its elements and references
  dotdump object core.4711 0x7f3a5c001000 --alone      without what refers to it, which needs the whole heap
  dotdump object core.4711 0x7f3a5c001000 --format json"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_index(parser)
    parser.add_argument("address", metavar="ADDRESS", type=_address, help="of the object, as other commands show it")
    parser.add_argument(
        "--limit", metavar="N", type=count, default=20, help="at most N elements, and references; default: %(default)s"
    )
    parser.add_argument("--alone", action="store_true", help="leave out what refers to it: nothing else is read")


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 3 where a part of it could not be read."""
    from dotdump.analysis.whole_object import object_details
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report import object_details as report

    with open_target(arguments, console) as target:
        runtime = ClrRuntime.of(target)
        _must_begin(runtime, arguments.address)  # before the whole heap is read for nothing
        with nullcontext() if arguments.alone else rooted_heap(runtime, arguments, console) as heap:
            found = object_details(runtime, arguments.address, heap, arguments.limit)
    status = tell_damage(found.problems, console)
    text = partial(report.render_object, found)
    print_answer(console, "dotdump/object/1", found, text, partial(report.object_csv, found))
    return status


def _address(text: str) -> int:
    """Convert the argument behind the core; of one argument alone, the core is taken for it."""
    try:
        return address(text)
    except ArgumentTypeError:
        if os.path.exists(text):
            raise ArgumentTypeError("which object? name its address after the core") from None
        raise


def _must_begin(runtime: ClrRuntime, address: int) -> None:
    """Raise ``InvalidObject`` where no object begins at ``address``."""
    from dotdump.errors import InvalidObject

    try:
        runtime.heap.object(address)
    except InvalidObject as error:
        raise runtime.heap.no_object(address, error.reason) from None

"""``dotdump address``: what an address is, of whatever kind."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer
from dotdump.cli.quantities import address
from dotdump.cli.registry import Exit
from dotdump.cli.target_arguments import add_target, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump address core.4711 7f49f0c7b7b1                 the method, stub, object, type, file or stack that it is in
  dotdump address core.4711 7f49f0c7b7b1 0x7f3a5c001008  of several
  dotdump address core.4711 7f49f0c7b7b1 --format json"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser)
    parser.add_argument("addresses", metavar="ADDRESS", nargs="+", type=address, help="hexadecimal")


def run(arguments: Namespace, console: Console) -> int:
    """Print it."""
    from dotdump.analysis.addresses import meaning_of
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report.addresses import render_addresses

    with open_target(arguments, console) as target:
        runtime = next(iter(ClrRuntime.all_of(target)), None)
        found = tuple(meaning_of(target, runtime, each) for each in arguments.addresses)
    print_answer(console, "dotdump/address/1", {"addresses": found}, partial(render_addresses, found))
    return Exit.DONE

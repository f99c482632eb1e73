"""``dotdump address``: what an address is, of whatever kind."""

from __future__ import annotations

from argparse import ArgumentTypeError
from functools import partial

from dotdump.cli.answer import print_answer, tell_damage
from dotdump.cli.arguments import add_format
from dotdump.cli.core_arguments import PROCESS, add_symbols, add_sysroot
from dotdump.cli.quantities import address
from dotdump.cli.registry import Exit
from dotdump.cli.selection import process_id
from dotdump.cli.target_arguments import open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump address core.4711 7f49f0c7b7b1                 the method, stub, object, type, file or stack that it is in
  dotdump address core.4711 7f49f0c7b7b1 0x7f3a5c001008  of several
  dotdump address -p 4711 7f49f0c7b7b1 --format json     of a process that runs"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "words", nargs="+", metavar="CORE|ADDRESS", help="a core file (none with -p), then addresses in hexadecimal"
    )
    parser.add_argument("-p", "--process-id", type=process_id, metavar="PID", help=PROCESS)
    add_sysroot(parser)
    add_symbols(parser)
    add_format(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 3 where something stands against all that is said of the runtime."""
    from dotdump.analysis.addresses import meaning_of
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report.addresses import render_addresses

    arguments.core, *wanted = [None, *arguments.words] if arguments.process_id is not None else arguments.words
    try:
        addresses = list(map(address, wanted))
    except ArgumentTypeError as refusal:
        console.error(str(refusal), "see --help")
        return Exit.USAGE
    if not addresses:
        console.error("which address? name one, or several, after the core", "see --help")
        return Exit.USAGE
    with open_target(arguments, console) as target:
        runtime = next(iter(ClrRuntime.all_of(target)), None)
        found = tuple(meaning_of(target, runtime, each) for each in addresses)
        problems = runtime.problems if runtime is not None else ()
    status = tell_damage(problems, console)
    answer = {"addresses": found, "problems": problems}
    print_answer(console, "dotdump/address/1", answer, partial(render_addresses, found))
    return status

"""``dotdump stacks``: what every thread of a core or of a process was doing."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer
from dotdump.cli.core_arguments import add_symbols
from dotdump.cli.listing_arguments import count
from dotdump.cli.registry import Exit
from dotdump.cli.target_arguments import add_target, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump stacks core.4711 --native                    native frames of every thread, of any program
  dotdump stacks -p 4711 --native                      of a process that runs, which stands still for a moment
  dotdump stacks core.4711 --native --thread 4713      of one thread
  dotdump stacks core.4711 --native --symbols ./debug  with names from separate files of symbols
  dotdump stacks core.4711 --native --format json"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser)
    add_symbols(parser)
    parser.add_argument("--native", action="store_true", required=True, help="show native frames")
    parser.add_argument(
        "--thread", metavar="TID", type=count, action="append", default=[], help="only this thread; may be repeated"
    )
    parser.add_argument("--frames", metavar="N", type=count, help="at most N frames of each thread")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the core is damaged, 1 where a thread that was asked for is not there."""
    from dotdump.analysis.stacks import native_stacks
    from dotdump.errors import NotFound
    from dotdump.limits import STACK_FRAMES
    from dotdump.report.stacks import render_stacks

    with open_target(arguments, console) as target:
        stacks = native_stacks(target, threads=arguments.thread, frames=arguments.frames or STACK_FRAMES)
        damaged = arguments.process_id is None and bool(getattr(target, "problems", ()))
    missing = set(arguments.thread) - {thread.os_id for thread in stacks.threads}
    if missing:
        raise NotFound(
            f"no thread {', '.join(map(str, sorted(missing)))}", hint="'dotdump threads CORE' lists those of a core"
        )
    print_answer(console, "dotdump/stacks/1", stacks, partial(render_stacks, stacks))
    return Exit.PROBLEMS if damaged else Exit.DONE

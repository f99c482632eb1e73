"""``dotdump threads``: the threads of a core or a process, what the runtime says of them, and their registers."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, warn_of
from dotdump.cli.registry import Exit
from dotdump.cli.target_arguments import add_target, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Target

EXAMPLES = """\
  dotdump threads core.4711
  dotdump threads --registers core.4711
  dotdump threads -p 4711"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser)
    parser.add_argument("--registers", action="store_true", help="show the general registers of every thread")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where something is damaged."""
    from dotdump.analysis.threads import list_threads
    from dotdump.report.threads import render_threads

    with open_target(arguments, console) as target:
        threads = list_threads(target, _runtime(target, console))
    warn_of(threads.problems, console)
    text = partial(render_threads, threads, registers=arguments.registers)
    print_answer(console, "dotdump/threads/1", threads, lambda width: text(width=width))
    return Exit.PROBLEMS if threads.problems else Exit.DONE


def _runtime(target: Target, console: Console) -> ClrRuntime | None:
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.errors import RuntimeNotFound, UnsupportedRuntime

    try:
        return ClrRuntime.of(target)
    except RuntimeNotFound:
        return None
    except UnsupportedRuntime as error:
        console.warning(error.message)
        return None

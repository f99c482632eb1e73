"""``dotdump threads``: the threads of a core, where they stood, and their registers."""

from __future__ import annotations

from dotdump.cli.core_arguments import add_core, open_named
from dotdump.cli.registry import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = "  dotdump threads core.4711\n  dotdump threads --registers core.4711"


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_core(parser)
    parser.add_argument("--registers", action="store_true", help="show the general registers of every thread")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the core is damaged."""
    from dotdump.report.core_lists import render_threads, thread_list
    from dotdump.report.json_format import render_json

    with open_named(arguments, console) as target:
        threads, damaged = thread_list(target), bool(target.problems)
    if console.format == "json":
        console.result(render_json("dotdump/threads/1", threads))
    else:
        console.result(render_threads(threads, registers=arguments.registers, width=console.width))
    return Exit.PROBLEMS if damaged else Exit.DONE

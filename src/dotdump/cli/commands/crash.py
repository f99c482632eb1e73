"""``dotdump crash``: why a process died."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_damage
from dotdump.cli.core_arguments import add_core, open_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump crash core.4711                why it died, in one paragraph, with the last frames
  dotdump crash core.4711 --format json"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_core(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 3 where the core or the list of threads is damaged."""
    from dotdump.analysis.crash import explain_crash
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report.crash import render_crash

    with open_named(arguments, console) as target:
        found = explain_crash(target, ClrRuntime.of(target))
    status = tell_damage(found.problems, console)
    print_answer(console, "dotdump/crash/1", found, partial(render_crash, found))
    return status

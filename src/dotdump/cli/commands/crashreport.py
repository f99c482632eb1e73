"""``dotdump crashreport``: createdump's crash report, of any core or of a process."""

from __future__ import annotations

from dotdump.cli.answer import tell_damage
from dotdump.cli.target_arguments import add_source, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump crashreport core.4711 > core.4711.crashreport.json
  dotdump crashreport -p 4711                                    of a process that runs"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_source(parser)
    text = "createdump's own JSON, and nothing else: 'dotdump crash' tells it as text"
    parser.add_argument("--format", choices=["json"], default="json", help=text)


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 3 where the core is damaged."""
    from dotdump.analysis.crash_report import crash_report
    from dotdump.report.crash_report import render_crash_report

    with open_target(arguments, console) as target:
        report = crash_report(target)
    status = tell_damage(report.problems, console)
    console.result(render_crash_report(report).rstrip("\n"))
    return status

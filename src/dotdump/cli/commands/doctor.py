"""``dotdump doctor``: what would stop a dump of a process, or on this machine, and what to do about it."""

from __future__ import annotations

from dotdump.cli.arguments import add_format
from dotdump.cli.quantities import seconds
from dotdump.cli.registry import Exit
from dotdump.cli.selection import process_id
from dotdump.dump.doctor.checks import examine
from dotdump.dump.doctor.finding import Finding, Status
from dotdump.dump.doctor.gather import gather

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

SCHEMA = "dotdump/doctor/1"
EXAMPLES = """\
  dotdump doctor                         this machine: rights, room in the current directory
  dotdump doctor -p 4711                 everything about one process
  dotdump doctor -p 4711 -o /var/dumps   with the room there
  dotdump doctor -p 4711 --format json | jq '.findings[] | select(.status == "problem")'

The exit code is 0 where nothing stops a dump, 3 where there are problems."""


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "-p", "--process-id", type=process_id, metavar="PID", help="the process; without it only this machine"
    )
    parser.add_argument(
        "-o", "--output", metavar="PATH", help="where the dump is to go; default: the current directory"
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="how long to wait for the runtime's answer; default: %(default)g",
    )
    add_format(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Print the findings."""
    findings = examine(gather(arguments.process_id, arguments.output, arguments.timeout))
    problems = sum(finding.status is Status.PROBLEM for finding in findings)
    if console.format == "json":
        from dotdump.report.json_format import render_json

        body = {"pid": arguments.process_id, "problems": problems, "findings": findings}
        console.result(render_json(SCHEMA, body))
    else:
        console.result("\n".join(map(_lines, findings)))
    return Exit.PROBLEMS if problems else Exit.DONE


def _lines(finding: Finding) -> str:
    from dotdump.report.table import printable

    line = f"{finding.status:<8} {finding.name:<20} {printable(finding.seen)}"
    return f"{line}\n{'':<30}-> {printable(finding.advice)}" if finding.advice else line

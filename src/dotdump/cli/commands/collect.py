"""``dotdump collect``: a verified core of a running process."""

from __future__ import annotations

import argparse

from dotdump.cli.arguments import add_format, dump_type
from dotdump.cli.console import Console
from dotdump.cli.method_options import add_method_options, method_of
from dotdump.cli.quantities import seconds
from dotdump.cli.registry import Exit
from dotdump.cli.selection import add_selection, selected
from dotdump.dump.collect import DEFAULT_TIMEOUT, Request, collect, no_report
from dotdump.dump.destination import STREAM
from dotdump.dump.verify import Verdict, worst
from dotdump.errors import DotdumpError
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.linux.first_to_die import first_to_die
from dotdump.linux.malloc import use_one_heap
from dotdump.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.capture import Method
    from dotdump.dump.collect import CollectResult
    from dotdump.ipc.client import DiagnosticsClient

SCHEMA = "dotdump/collect/1"
RUNTIME = "runtime"
EXAMPLES = """\
  dotdump collect -p 4711                        everything, into core.4711 here
  dotdump collect -p 4711 --live                 the same from a twin of the process: a pause of milliseconds
  dotdump collect -p 4711 -o core.zst            compressed; every command reads it as it is
  dotdump collect -p 4711 --live -o - | ssh …    streamed to standard output; the result goes to standard error
  dotdump collect -p 4711 --type heap -o /dumps  the managed heap and what it needs, into a directory
  dotdump collect -p 4711 -o '/dumps/%e.%p.%t'   named by program, pid and time (also %h host; %% is a percent sign)
  dotdump collect -p 4711 --format json          for scripts: the path, what was verified, how long it took

The file is new, yours, mode 0600, and has its name only when it is complete and verified."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_selection(parser)
    parser.add_argument(
        "-o", "--output", metavar="PATH", help="a file, an existing directory, a template, or - for stdout"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing regular file, once the dump is whole")
    parser.add_argument(
        "--type",
        type=dump_type,
        default=DumpType.FULL,
        metavar="Full|Heap|Mini|Triage",
        help="what to keep, in any case of letters; default: Full",
    )
    add_method_options(parser)
    parser.add_argument("--diag", action="store_true", help="have createdump log what it does, to the target's output")
    parser.add_argument(
        "--crashreport", action="store_true", help="also write PATH.crashreport.json: every thread and its frames"
    )
    parser.add_argument("--no-verify", action="store_true", help="do not check the dump (for files you will check)")
    parser.add_argument(
        "--timeout",
        type=_timeout,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help="give up after so long; default: %(default)g",
    )
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Collect, and print where the dump is: to standard error where standard output is the dump."""
    from dotdump.cli.progress import ProgressLine

    if arguments.output == STREAM:
        console = Console(console.format, stdout=console.stderr, stderr=console.stderr)

    use_one_heap()
    with first_to_die(), selected(arguments) as (pid, client):
        request = Request(
            pid=pid,
            type=arguments.type,
            output=arguments.output,
            replace=arguments.force,
            verify=not arguments.no_verify,
            crash_report=arguments.crashreport,
            timeout=arguments.timeout,
        )
        try:
            with ProgressLine(console) as progress:
                result = collect(request, _method(arguments, client), progress)
                result = _with_crash_report(result, arguments)
        except KeyboardInterrupt as stop:
            console.note(f"dotdump: stopped; no dump of process {pid} was written")
            for note in getattr(stop, "__notes__", ()):
                console.warning(note)
            raise
    return _report(result, console)


def _with_crash_report(result: CollectResult, arguments: argparse.Namespace) -> CollectResult:
    """Write the crash report that was asked for, where the runtime has not written one."""
    if not arguments.crashreport or result.crash_report is not None or result.method == RUNTIME:
        return result
    from dotdump.cli.crash_report_file import write_crash_report

    try:
        return replace(result, crash_report=write_crash_report(result.path, replace=arguments.force))
    except DotdumpError as error:
        return replace(result, warnings=(*result.warnings, no_report(error)))


def _method(arguments: argparse.Namespace, client: DiagnosticsClient | None) -> Method:
    flags = DumpFlags.LOGGING if arguments.diag else DumpFlags.NONE
    return method_of(arguments, flags | DumpFlags.CRASH_REPORT if arguments.crashreport else flags, client)


def _report(result: CollectResult, console: Console) -> int:
    for warning in result.warnings:
        console.warning(warning)
    if console.format == "json":
        from dotdump.report.json_format import render_json

        console.result(render_json(SCHEMA, result))
    else:
        from dotdump.report.collect import render_collect

        console.result(render_collect(result))
    return Exit.PROBLEMS if result.warnings or worst(result.findings) is not Verdict.OK else Exit.DONE


def _timeout(text: str) -> float:
    found = seconds(text)
    if not found:
        raise argparse.ArgumentTypeError("0 seconds are not enough for anything")
    return found

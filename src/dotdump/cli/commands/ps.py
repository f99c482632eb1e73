"""``dotdump ps``: the .NET processes, and whether their diagnostics answer."""

from __future__ import annotations

from dotdump.cli.registry import Exit
from dotdump.ipc.processes import find_processes
from dotdump.report.table import render_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console
    from dotdump.ipc.processes import DotnetProcess

SCHEMA = "dotdump/ps/1"
EXAMPLES = """\
  dotdump ps                      every .NET process of yours; as root, of everyone
  dotdump ps -n Billing           those whose program or entry assembly is Billing
  dotdump ps --format json | jq '.processes[] | select(.diagnostics != "ok")'

diagnostics is one of
  ok         it answers
  off        there is a runtime, but no socket: disabled, or its path too long, or nobody listens
  refused    it is there, but not for you
  suspended  it waits at its start to be resumed
  silent     it does not answer in time, or could not: it may open no more files
  spoofed    what bears its name was made by another process"""
DEFAULTS = {"name": None, "all_users": False, "timeout": 1.0}
"""What a command line without options means, to argparse and without it."""

_HEADER = ("PID", "NAME", "USER", "RUNTIME", "DIAGNOSTICS", "CONTAINER", "RSS", "THREADS", "COMMAND")
_RIGHT = frozenset({0, 6, 7})
_SHORT_ID = 12


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    from dotdump.cli.arguments import add_format
    from dotdump.cli.quantities import seconds

    parser.add_argument("-n", "--name", help="only processes whose program or entry assembly has this name")
    parser.add_argument(
        "--all-users", action="store_true", help="also processes of other users, as far as they show; root always does"
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="how long to wait for the answers of all processes together; default: %(default)g",
    )
    add_format(parser)
    parser.set_defaults(**DEFAULTS)


def run(arguments: Namespace, console: Console) -> int:
    """Print the processes."""
    processes = find_processes(arguments.name, all_users=arguments.all_users, timeout=arguments.timeout)
    if console.format == "json":
        from dotdump.report.json_format import render_json

        console.result(render_json(SCHEMA, {"processes": processes}))
    elif processes:
        console.result(render_table(_HEADER, map(_row, processes), right=_RIGHT, width=console.width))
    else:
        console.note("dotdump: no .NET processes found")
    return Exit.DONE


def _row(process: DotnetProcess) -> tuple[str, ...]:
    inside = "" if process.namespace_pid == process.pid else f" ({process.namespace_pid})"
    return (
        f"{process.pid}{inside}",
        process.name,
        process.user,
        f"{process.runtime} {process.version}".rstrip(),
        process.diagnostics,
        process.container[:_SHORT_ID] if process.container else "host",
        f"{process.rss >> 20} MB",
        str(process.threads),
        " ".join(process.command_line),
    )

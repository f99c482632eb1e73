"""Which process a command line means: ``-p PID``, ``-n NAME`` or ``--diagnostic-port ADDRESS``, exactly one of them."""

from __future__ import annotations

from contextlib import contextmanager

from dotdump.errors import CollectError, CommandRejected, NotFound, ProtocolError, ServerSilent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from dotdump.ipc.client import DiagnosticsClient
    from dotdump.ipc.ports import PortEndpoint
    from dotdump.ipc.reversed_server import AdvertisedRuntime, ReversedServer

PORT_SECONDS = 60.0
"""How long a port that listens waits for a runtime to connect, at most."""


def add_selection(parser: ArgumentParser) -> None:
    """Add the three options."""
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("-p", "--process-id", type=process_id, metavar="PID", help="the process")
    choice.add_argument("-n", "--name", help="the one process whose program or entry assembly has this name")
    choice.add_argument(
        "--diagnostic-port",
        "--dport",
        metavar="ADDRESS[,connect|listen]",
        help="the runtime behind a socket (connect), or the first that connects to it (listen, the default)",
    )


@contextmanager
def selected(arguments: Namespace) -> Iterator[tuple[int, DiagnosticsClient | None]]:
    """Give the pid in our namespace, and the client to ask where that is not the process's own port."""
    if arguments.process_id is not None:
        yield arguments.process_id, None
    elif arguments.name is not None:
        yield find_one(arguments.name), None
    else:
        with _behind_port(arguments.diagnostic_port, arguments.timeout) as (pid, client):
            yield pid, client


def find_one(name: str) -> int:
    """Return the pid of the one .NET process of that name; raises ``NotFound`` for none and for several."""
    from dotdump.ipc.processes import find_processes

    found = find_processes(name)
    if not found:
        raise NotFound(f"no .NET process is called {name!r}", hint="'dotdump ps' lists them; -p PID takes any process")
    if len(found) > 1:
        pids = ", ".join(str(process.pid) for process in found)
        raise NotFound(f"{len(found)} .NET processes are called {name!r}: {pids}", hint="choose one with -p PID")
    return found[0].pid


def process_id(text: str) -> int:
    """Convert an argument to a pid."""
    if not text.isdecimal() or not 0 < int(text) < 1 << 22:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"{text!r} is not a process id")
    return int(text)


@contextmanager
def _behind_port(text: str, seconds: float) -> Iterator[tuple[int, DiagnosticsClient]]:
    from dotdump.ipc.client import DEFAULT_TIMEOUT, DiagnosticsClient
    from dotdump.ipc.ports import PortEndpoint, PortMode, parse_port

    port = parse_port(text)
    if port.mode is PortMode.CONNECT:
        endpoint = PortEndpoint(port.address)
        yield _listener(endpoint, min(seconds, DEFAULT_TIMEOUT)), DiagnosticsClient(endpoint)
        return
    from dotdump.ipc.reversed_server import ReversedServer

    with ReversedServer(port.address) as server:
        runtime = _first(server, min(seconds, PORT_SECONDS))
        yield runtime.pid, server.client(runtime.cookie)


def _first(server: ReversedServer, seconds: float) -> AdvertisedRuntime:
    try:
        return server.accept(seconds)
    except ServerSilent as error:
        hint = f"start the program with DOTNET_DiagnosticPorts={server.path}; a socket that is there takes ',connect'"
        raise ServerSilent(error.message, hint=hint) from error


def _listener(endpoint: PortEndpoint, seconds: float) -> int:
    """Return the pid of the runtime that listens, as the kernel has it; raises where that is none of ours."""
    from dotdump.ipc.client import DiagnosticsClient
    from dotdump.ipc.conversation import is_unknown_command
    from dotdump.ipc.transport import Deadline
    from dotdump.linux.proc import Proc

    with endpoint.connect(Deadline(seconds)) as channel:
        pid = channel.peer().pid
    if not pid:
        raise CollectError(
            f"the process behind {endpoint.path} is outside this pid namespace",
            hint="run dotdump in its namespace, or on the host",
        )
    try:
        said = DiagnosticsClient(endpoint, seconds).process_info().pid
    except CommandRejected as error:
        if not is_unknown_command(error):
            raise
        return pid  # a runtime before .NET 5, itself: routers stand before younger ones
    if said not in (pid, *Proc(pid).status().namespace_pids):
        raise ProtocolError(
            f"process {pid} listens on {endpoint.path} for another: the runtime behind it is process {said} elsewhere",
            hint="a router passes requests on, but the dump would be written on the other side",
        )
    return pid

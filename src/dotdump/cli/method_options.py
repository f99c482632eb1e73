"""The options of ``collect`` that say how memory is read, and the method that they mean."""

from __future__ import annotations

from dotdump.cli.arguments import add_compression, add_drops, drops_free
from dotdump.cli.quantities import byte_count, seconds
from dotdump.dump.compression import level_for
from dotdump.dump.destination import STREAM
from dotdump.dump.gc_moment import DEFAULT_WAIT
from dotdump.dump.own_method import OwnOptions, PtraceMethod, SnapshotMethod
from dotdump.errors import CollectError
from dotdump.ipc.dump import DumpFlags

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from dotdump.dump.capture import Method
    from dotdump.ipc.client import DiagnosticsClient


def add_method_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--method`` and what belongs to dotdump's own methods."""
    parser.add_argument(
        "--method",
        choices=["auto", "runtime", "ptrace", "snapshot"],
        default="auto",
        help="who reads the memory: the runtime, or dotdump, of the stopped process or of a copy-on-write twin of it",
    )
    parser.add_argument(
        "--live", action="store_const", dest="method", const="snapshot", help="the same as --method snapshot"
    )
    parser.add_argument(
        "--gc-wait",
        type=seconds,
        default=DEFAULT_WAIT,
        metavar="SECONDS",
        help="how long to look for a moment outside a garbage collection, 0 not at all; default: %(default)g",
    )
    add_drops(parser)
    add_compression(parser)
    parser.add_argument(
        "--buffer",
        type=byte_count,
        metavar="SIZE",
        help="with ptrace: memory to copy to, so that the process runs while the core is written, 0 for none;"
        " default: 1G for a file, half of what is free for a pipe",
    )


def method_of(arguments: argparse.Namespace, flags: DumpFlags, client: DiagnosticsClient | None) -> Method:
    """Return the method; ``CollectError`` for options that do not go together. A ``client`` is a port's runtime."""
    own = _own_options(arguments)
    name = "runtime" if client is not None and arguments.method == "auto" else arguments.method
    if name in ("ptrace", "snapshot"):
        if flags & ~DumpFlags.CRASH_REPORT:
            raise CollectError("--diag is for createdump, not for us", hint="leave it out, or add --method runtime")
        return PtraceMethod(own) if name == "ptrace" else SnapshotMethod(own)
    from dotdump.dump.auto_method import AutoMethod, not_for_the_runtime

    if name == "auto":
        return AutoMethod(flags, own, stream=arguments.output == STREAM)
    if refusal := not_for_the_runtime(own):
        raise CollectError(refusal, hint="--method ptrace and --live can do that")
    from dotdump.dump.runtime_method import RuntimeMethod

    return RuntimeMethod(flags, client)


def _own_options(arguments: argparse.Namespace) -> OwnOptions:
    return OwnOptions(
        file_backed=not arguments.drop_file_backed,
        level=level_for(arguments.output or "", arguments.compress),
        buffer=arguments.buffer,
        gc_wait=arguments.gc_wait,
        drop_free=drops_free(arguments),
    )

""".NET dumps on Linux: collect them, open them, ask them. The public API.

    with dotdump.open_core("core.4711") as core:
        print(core.process.name, len(core.threads), "threads", len(core.modules), "modules")
        runtime = dotdump.ClrRuntime.of(core)
        for thread in dotdump.analysis.list_stacks(runtime).threads: ...

``open_core`` opens a file, ``open_process`` stops a process until it is closed, ``open_snapshot`` reads a
copy-on-write twin of one that runs on: each gives a ``Target``, with its process, threads, modules and memory, which
``write_core`` writes to a file. ``ClrRuntime.of`` finds the .NET runtime in it: heap, types, objects, methods.
``analysis`` asks what the commands ask. ``DiagnosticsClient`` asks a runtime through its socket, ``DiagnosticServer``
makes a Python program answer there. Every error raised on purpose is a ``DotdumpError``. Addresses are numbers here and
sizes are in bytes. docs/python.md has an example of each.

Names are imported when they are first used: ``import dotdump`` costs nothing, and the command line pays only for
what its command needs.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump import analysis
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.dump.write import write_core
    from dotdump.errors import (
        AccessDenied,
        BadMessage,
        ClrError,
        CollectError,
        CommandRejected,
        ConditionError,
        DacFailed,
        DotdumpError,
        FieldNotFound,
        FormatError,
        Incomplete,
        InvalidObject,
        LimitExceeded,
        MemoryFault,
        NotFound,
        OutputRefused,
        ProcessGone,
        ProtocolError,
        RuntimeNotFound,
        ServerRefused,
        ServerSilent,
        ServerSpoofed,
        ServerUnavailable,
        SnapshotRefused,
        TargetError,
        UnsupportedRuntime,
    )
    from dotdump.ipc.client import DiagnosticsClient
    from dotdump.server.diagnostic_server import DiagnosticServer
    from dotdump.target.core import CoreTarget, open_core
    from dotdump.target.model import Target
    from dotdump.target.process import ProcessTarget, open_process
    from dotdump.target.snapshot import SnapshotTarget, open_snapshot

__version__ = "0.1.0"

__all__ = [
    "AccessDenied",
    "BadMessage",
    "ClrError",
    "ClrRuntime",
    "CollectError",
    "CommandRejected",
    "ConditionError",
    "CoreTarget",
    "DacFailed",
    "DiagnosticServer",
    "DiagnosticsClient",
    "DotdumpError",
    "FieldNotFound",
    "FormatError",
    "Incomplete",
    "InvalidObject",
    "LimitExceeded",
    "MemoryFault",
    "NotFound",
    "OutputRefused",
    "ProcessGone",
    "ProcessTarget",
    "ProtocolError",
    "RuntimeNotFound",
    "ServerRefused",
    "ServerSilent",
    "ServerSpoofed",
    "ServerUnavailable",
    "SnapshotRefused",
    "SnapshotTarget",
    "Target",
    "TargetError",
    "UnsupportedRuntime",
    "analysis",
    "open_core",
    "open_process",
    "open_snapshot",
    "write_core",
]

_HOMES: dict[str, str] = {
    "ClrRuntime": "clr.model.runtime",
    "CoreTarget": "target.core",
    "DiagnosticServer": "server.diagnostic_server",
    "DiagnosticsClient": "ipc.client",
    "ProcessTarget": "target.process",
    "SnapshotTarget": "target.snapshot",
    "Target": "target.model",
    "open_core": "target.core",
    "open_process": "target.process",
    "open_snapshot": "target.snapshot",
    "write_core": "dump.write",
}
"""The module that a public name lives in, where that is not ``errors``."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'dotdump' has no attribute {name!r}")
    from importlib import import_module

    if name == "analysis":
        return import_module("dotdump.analysis")
    value = globals()[name] = getattr(import_module(f"dotdump.{_HOMES.get(name, 'errors')}"), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]

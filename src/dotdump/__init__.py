""".NET dumps on Linux: collect them, open them, ask them. The public API.

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

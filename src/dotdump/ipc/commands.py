"""Names of the protocol's commands and error codes. Knows no payloads.

Plain numbers in plain classes, not enumerations: ``ps`` needs some of them, and must start without ``enum``.

Source of truth: ``ds-types.h`` and ``corerror.h`` of dotnet/runtime, ``IpcCommands.cs`` of dotnet/diagnostics.
"""

from __future__ import annotations


class Command:
    """A command set (upper byte) and a command of it (lower byte)."""

    GENERATE_CORE_DUMP = 0x0101
    GENERATE_CORE_DUMP2 = 0x0102
    GENERATE_CORE_DUMP3 = 0x0103
    STOP_TRACING = 0x0201
    COLLECT_TRACING = 0x0202
    COLLECT_TRACING2 = 0x0203
    COLLECT_TRACING3 = 0x0204
    COLLECT_TRACING4 = 0x0205
    COLLECT_TRACING5 = 0x0206
    COLLECT_TRACING6 = 0x0207
    ATTACH_PROFILER = 0x0301
    STARTUP_PROFILER = 0x0302
    PROCESS_INFO = 0x0400
    RESUME_RUNTIME = 0x0401
    PROCESS_ENVIRONMENT = 0x0402
    SET_ENVIRONMENT_VARIABLE = 0x0403
    PROCESS_INFO2 = 0x0404
    ENABLE_PERF_MAP = 0x0405
    DISABLE_PERF_MAP = 0x0406
    APPLY_STARTUP_HOOK = 0x0407
    PROCESS_INFO3 = 0x0408


OK = 0xFF00
"""Set and id of an answer that says yes."""

ERROR = 0xFFFF
"""Set and id of an answer that says no; its payload begins with an HRESULT."""


class HResult:
    """The codes that servers answer with, as unsigned 32-bit numbers."""

    S_OK = 0x00000000
    E_FAIL = 0x80004005
    E_INVALIDARG = 0x80070057
    INSUFFICIENT_BUFFER = 0x8007007A
    MODULE_NOT_FOUND = 0x8007007E
    ENVVAR_NOT_FOUND = 0x800700CB
    NOT_YET_AVAILABLE = 0x8013135B
    PROFILER_ALREADY_ACTIVE = 0x8013136A
    RUNTIME_UNINITIALIZED = 0x80131371
    BAD_ENCODING = 0x80131384
    UNKNOWN_COMMAND = 0x80131385
    UNKNOWN_MAGIC = 0x80131386
    UNKNOWN_ERROR = 0x80131387
    NOT_SUPPORTED = 0x80131515


COMMAND_NAMES = {value: name for name, value in vars(Command).items() if isinstance(value, int)}
"""Every command there is, with the name of its constant."""

_HRESULT_NAMES = {value: name for name, value in vars(HResult).items() if isinstance(value, int)}


def command_name(command: int) -> str:
    """Return what the protocol calls a command: ``GenerateCoreDump3``; its number where it is not known."""
    name = COMMAND_NAMES.get(command)
    if name is None:
        return f"command 0x{command:04X}"
    return "".join(word.capitalize() for word in name.split("_"))


def hresult_name(code: int) -> str:
    """Return the name of an HRESULT, or ``HRESULT`` where we know none."""
    return _HRESULT_NAMES.get(code & 0xFFFFFFFF, "HRESULT")

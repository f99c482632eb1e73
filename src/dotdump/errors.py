"""Every exception that dotdump raises on purpose.

::

    DotdumpError
    ├── TargetError                 something asked of a target that it cannot give
    │   ├── MemoryFault             bytes that are not there        .address .size
    │   └── NotFound                a module, symbol, thread that is not there
    ├── FormatError                 bytes that are not what they claim to be   .source .offset
    │   └── LimitExceeded           a count or size beyond what can be there
    ├── ClrError                    CLR data access
    │   ├── RuntimeNotFound
    │   ├── UnsupportedRuntime      .version .missing
    │   ├── InvalidObject           .address
    │   ├── DacFailed               the native DAC refused, crashed or took too long
    │   ├── FieldNotFound           (also KeyError)                 .type_name .field
    │   └── ConditionError          a condition on objects that cannot be understood (also ValueError)
    ├── CollectError                a dump could not be taken
    │   ├── ProcessGone             (also ProcessLookupError)
    │   ├── AccessDenied            (also PermissionError)
    │   ├── OutputRefused           the place to write to is not acceptable
    │   ├── SnapshotRefused         no snapshot of this process, or not without risk
    │   └── Incomplete              something was written, but not a whole core   .path
    └── ProtocolError               diagnostics IPC
        ├── ServerUnavailable       no server, or none that may be talked to
        │   ├── ServerRefused       it is there, but not for us (also PermissionError)
        │   └── ServerSpoofed       what is there is not the target's own
        ├── ServerSilent            no answer within the deadline (also TimeoutError)
        ├── BadMessage              bytes that are no message of the protocol
        └── CommandRejected         the server said no              .code .name

A message says what could not be done, to what, and why, with addresses in hexadecimal. Advice is not part of
the message: it goes to ``hint``, which only the command line prints.
"""

from __future__ import annotations


class DotdumpError(Exception):
    """The root of the tree; ``hint`` is advice for a person, or None."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class TargetError(DotdumpError):
    """Something was asked of a target that it cannot give."""


class MemoryFault(TargetError):
    """``size`` bytes at ``address`` cannot be read, all or in part."""

    def __init__(self, address: int, size: int, reason: str = "not mapped", *, hint: str | None = None) -> None:
        super().__init__(f"cannot read {size} bytes at {address:#x}: {reason}", hint=hint)
        self.address = address
        self.size = size
        self.reason = reason


class NotFound(TargetError):
    """A module, symbol, thread or other named thing is not in the target."""


class FormatError(DotdumpError):
    """Bytes of ``source`` at ``offset`` are not what they claim to be."""

    def __init__(self, message: str, *, source: str = "", offset: int | None = None, hint: str | None = None) -> None:
        place = source if offset is None else f"{source or 'input'} at offset {offset:#x}"
        super().__init__(f"{place}: {message}" if place else message, hint=hint)
        self.source = source
        self.offset = offset


class LimitExceeded(FormatError):
    """A count or size in the input is larger than can be there."""


class ClrError(DotdumpError):
    """CLR data access failed."""


class RuntimeNotFound(ClrError):
    """The target holds no .NET runtime that we can recognise."""


class UnsupportedRuntime(ClrError):
    """Runtime ``version`` lacks ``missing``: what we would need to know of it. What is ``cut`` off may have told it."""

    def __init__(self, version: str, missing: str, *, cut: bool = False, hint: str | None = None) -> None:
        why = "the core is cut, and what is left does not tell" if cut else "no knowledge of"
        super().__init__(f"{f'.NET {version}'.rstrip()}: {why} {missing}", hint=hint)
        self.version = version
        self.missing = missing


class InvalidObject(ClrError):
    """No managed object starts at ``address``, and ``reason`` why."""

    def __init__(self, address: int, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"no object at {address:#x}: {reason}", hint=hint)
        self.address = address
        self.reason = reason


class DacFailed(ClrError):
    """The runtime's own debugging library refused, crashed or did not answer in time."""


class FieldNotFound(ClrError, KeyError):
    """Objects of ``type_name`` have no field ``field``."""

    __str__ = Exception.__str__  # KeyError's would show it in quotes

    def __init__(self, type_name: str, field: str, *, hint: str | None = None) -> None:
        super().__init__(f"{type_name} has no field {field!r}", hint=hint)
        self.type_name = type_name
        self.field = field


class ConditionError(ClrError, ValueError):
    """A condition on objects is not written as one is."""


UNREADABLE = (ClrError, FormatError, MemoryFault)
"""What reading the data of a runtime raises where some are damaged or missing: the rest can be read all the same."""


class CollectError(DotdumpError):
    """A dump could not be taken."""


class ProcessGone(CollectError, ProcessLookupError):
    """The process has ended, or its pid now belongs to another."""


class AccessDenied(CollectError, PermissionError):
    """The kernel, or the owner, does not allow it."""


class OutputRefused(CollectError):
    """The output may not, or cannot, be written there."""


class SnapshotRefused(CollectError):
    """A snapshot of this process cannot be taken, or not without risk; nothing was done to it."""


class Incomplete(CollectError):
    """Something was written, but it is not a whole core; ``path`` names what was kept, if anything."""

    def __init__(self, message: str, *, path: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class ProtocolError(DotdumpError):
    """A conversation in the diagnostics IPC protocol failed."""


class ServerUnavailable(ProtocolError):
    """There is no diagnostics server to talk to, or none that may be."""


class ServerRefused(ServerUnavailable, PermissionError):
    """There is a diagnostics server, and it is not for this user."""


class ServerSpoofed(ServerUnavailable):
    """What calls itself the target's diagnostics server was not made by the target."""


class ServerSilent(ProtocolError, TimeoutError):
    """The server did not connect, take or answer within the deadline."""


class BadMessage(ProtocolError):
    """Bytes that are not a message of the protocol."""


class CommandRejected(ProtocolError):
    """The server answered with an error: HRESULT ``code``, its ``name``, and the text that came with it."""

    def __init__(self, command: str, code: int, name: str, text: str = "", *, hint: str | None = None) -> None:
        detail = f": {text}" if text else ""
        super().__init__(f"{command} was rejected with {name} (0x{code:08X}){detail}", hint=hint)
        self.command = command
        self.code = code
        self.name = name
        self.text = text

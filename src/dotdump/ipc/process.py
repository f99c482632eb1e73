"""Command set 4, Process: who the runtime is, its environment, its start-up. Both directions.

Source of truth: ``ds-process-protocol.c`` of dotnet/runtime, field order as it is on the wire.
"""

from __future__ import annotations

from dotdump.errors import BadMessage
from dotdump.ipc.commands import OK, Command
from dotdump.ipc.wire import Message, PayloadReader, PayloadWriter
from dotdump.records import record

PROCESS_INFO_VERSIONS = (Command.PROCESS_INFO, Command.PROCESS_INFO2, Command.PROCESS_INFO3)
"""The commands that ask who it is, oldest first: since 5.0, 7.0 and 8.0."""

ENVIRONMENT_SIZE = 64 << 20
"""Bytes of an environment block, at most: the kernel's own bound on arguments and environment is 6 MB."""

ENVIRONMENT_VARIABLES = 1 << 19
"""Variables in it, at most: as many as fit into those 6 MB, each with the pointer that the kernel counts too."""


class PerfMapType:
    """What EnablePerfMap writes."""

    DISABLED = 0
    ALL = 1
    JIT_DUMP = 2
    PERF_MAP = 3


@record
class ProcessInfo:
    """What a runtime says of itself: ``pid`` as it sees it, ``cookie`` a GUID that is new with every start.

    ``version`` is that of the command it was asked with: 1 leaves the last three fields empty, 2 the last.
    """

    pid: int
    cookie: str
    command_line: str
    operating_system: str
    architecture: str
    entry_assembly: str = ""
    runtime_version: str = ""
    runtime_identifier: str = ""
    version: int = 1

    def encode(self) -> Message:
        """Return the answer to the ProcessInfo command of ``version``."""
        writer = PayloadWriter()
        if self.version >= 3:
            writer.u32(1)
        writer.u64(self.pid).guid(self.cookie)
        writer.string(self.command_line).string(self.operating_system).string(self.architecture)
        if self.version >= 2:
            writer.string(self.entry_assembly).string(self.runtime_version)
        if self.version >= 3:
            writer.string(self.runtime_identifier)
        return writer.message(OK)

    @classmethod
    def parse(cls, reader: PayloadReader, version: int) -> ProcessInfo:
        """Read the answer to the ProcessInfo command of ``version``; raises ``BadMessage``."""
        revision = reader.u32() if version >= 3 else 0
        pid, cookie = reader.u64(), reader.guid()
        command_line, system, architecture = reader.string(), reader.string(), reader.string()
        entry, runtime_version = (reader.string(), reader.string()) if version >= 2 else ("", "")
        identifier = reader.string() if revision >= 1 else ""
        return cls(pid, cookie, command_line, system, architecture, entry, runtime_version, identifier, version)


@record
class SetEnvironmentVariable:
    """The request to set a variable of the native environment; with a value of None, to unset it."""

    name: str
    value: str | None

    def encode(self) -> Message:
        """Return the message."""
        return PayloadWriter().string(self.name).optional_string(self.value).message(Command.SET_ENVIRONMENT_VARIABLE)

    @classmethod
    def parse(cls, message: Message) -> SetEnvironmentVariable:
        """Read a request; raises ``BadMessage``."""
        reader = PayloadReader(message.payload, "request to set a variable")
        return cls(reader.string(), reader.optional_string())


@record
class EnablePerfMap:
    """The request to write perf maps; ``type`` is a ``PerfMapType``, or whatever a peer sent."""

    type: int

    def encode(self) -> Message:
        """Return the message."""
        return PayloadWriter().u32(self.type).message(Command.ENABLE_PERF_MAP)

    @classmethod
    def parse(cls, message: Message) -> EnablePerfMap:
        """Read a request; raises ``BadMessage``."""
        return cls(PayloadReader(message.payload, "perf map request").u32())


@record
class ApplyStartupHook:
    """The request to add a managed assembly that runs before ``Main``."""

    path: str

    def encode(self) -> Message:
        """Return the message."""
        return PayloadWriter().string(self.path).message(Command.APPLY_STARTUP_HOOK)

    @classmethod
    def parse(cls, message: Message) -> ApplyStartupHook:
        """Read a request; raises ``BadMessage``."""
        return cls(PayloadReader(message.payload, "startup hook request").string())


def encode_environment(variables: dict[str, str]) -> tuple[Message, bytes]:
    """Return the answer to ProcessEnvironment and the block that follows it on the stream."""
    writer = PayloadWriter().u32(len(variables))
    for name, value in variables.items():
        writer.string(f"{name}={value}")
    block = writer.message(OK).payload
    return PayloadWriter().u32(len(block)).u16(0).message(OK), block


def parse_environment_size(reader: PayloadReader) -> int:
    """Return how many bytes of environment block follow the answer; raises ``BadMessage`` where that is absurd."""
    size = reader.u32()
    if not 4 <= size <= ENVIRONMENT_SIZE:
        raise BadMessage(f"an environment of {size:,} bytes was announced: at most {ENVIRONMENT_SIZE:,} can be")
    return size


def parse_environment(block: bytes) -> dict[str, str]:
    """Return the variables of a block, the first of equal names; entries without ``=`` have an empty value.

    Raises ``BadMessage`` for a block that is none, or has more variables than can be.
    """
    count = PayloadReader(block, "environment").u32()
    if count > ENVIRONMENT_VARIABLES:
        raise BadMessage(f"an environment of {count:,} variables was sent: at most {ENVIRONMENT_VARIABLES:,} can be")
    variables: dict[str, str] = {}
    for entry in PayloadReader(block, "environment").array(PayloadReader.string, 4):
        name, _, value = entry.partition("=")
        variables.setdefault(name, value)
    return variables

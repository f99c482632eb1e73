"""Command set 1, Dump: have the runtime write a core of itself. Both directions.

Source of truth: ``ds-dump-protocol.c`` of dotnet/runtime.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from dotdump.ipc.commands import Command
from dotdump.ipc.wire import Message, PayloadReader, PayloadWriter
from dotdump.records import record

VERSIONS = (Command.GENERATE_CORE_DUMP, Command.GENERATE_CORE_DUMP2, Command.GENERATE_CORE_DUMP3)
"""The dump commands, oldest first: since 3.0, 6.0 and 7.0. They differ in their flags and in how they fail."""


class DumpType(IntEnum):
    """What goes into a dump, with the protocol's numbers (it calls MINI ``Normal`` and HEAP ``WithHeap``)."""

    MINI = 1
    HEAP = 2
    TRIAGE = 3
    FULL = 4

    @property
    def title(self) -> str:
        """Its name as people are told it: ``Mini``."""
        return self.name.capitalize()


class DumpFlags(IntFlag):
    """What else createdump does. Version 1 of the command can say LOGGING only."""

    NONE = 0
    LOGGING = 0x01
    VERBOSE_LOGGING = 0x02
    CRASH_REPORT = 0x04
    CRASH_REPORT_ONLY = 0x08


@record
class GenerateCoreDump:
    """The request: ``path`` is in the target's file system, and createdump expands ``%`` in it.

    ``type`` and ``flags`` are plain numbers, as a peer may send any.
    """

    path: str
    type: int
    flags: int = 0
    command: int = Command.GENERATE_CORE_DUMP3

    def encode(self) -> Message:
        """Return the message; every version has the same payload."""
        return PayloadWriter().string(self.path).u32(self.type).u32(self.flags).message(self.command)

    @classmethod
    def parse(cls, message: Message) -> GenerateCoreDump:
        """Read a request; raises ``BadMessage``."""
        reader = PayloadReader(message.payload, "dump request")
        return cls(reader.string(), reader.u32(), reader.u32(), message.command)

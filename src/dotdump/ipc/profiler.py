"""Command set 3, Profiler: load a profiler into the runtime. Both directions.

Source of truth: ``ds-profiler-protocol.c`` of dotnet/runtime.
"""

from __future__ import annotations

from dotdump.ipc.commands import Command
from dotdump.ipc.wire import Message, PayloadReader, PayloadWriter
from dotdump.records import record


@record
class AttachProfiler:
    """The request to load a profiler now. ``attach_timeout`` in seconds; ``data`` goes to the profiler as it is.

    The specification says milliseconds, yet Microsoft's client sends seconds and the runtime takes what it is given.
    """

    class_id: str
    path: str
    attach_timeout: int = 10
    data: bytes = b""

    def encode(self) -> Message:
        """Return the message."""
        writer = PayloadWriter().u32(self.attach_timeout).guid(self.class_id).string(self.path)
        return writer.u32(len(self.data)).raw(self.data).message(Command.ATTACH_PROFILER)

    @classmethod
    def parse(cls, message: Message) -> AttachProfiler:
        """Read a request; raises ``BadMessage``."""
        reader = PayloadReader(message.payload, "attach profiler request")
        timeout, class_id, path = reader.u32(), reader.guid(), reader.string()
        return cls(class_id, path, timeout, reader.take(reader.u32()))


@record
class StartupProfiler:
    """The request to load a profiler before managed code runs; a runtime that runs says yes and does nothing."""

    class_id: str
    path: str

    def encode(self) -> Message:
        """Return the message."""
        return PayloadWriter().guid(self.class_id).string(self.path).message(Command.STARTUP_PROFILER)

    @classmethod
    def parse(cls, message: Message) -> StartupProfiler:
        """Read a request; raises ``BadMessage``."""
        reader = PayloadReader(message.payload, "startup profiler request")
        return cls(reader.guid(), reader.string())

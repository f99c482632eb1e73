"""Command set 2, EventPipe: start and stop a session of events. Both directions.

Knows the requests, not the events: what follows the answer on the stream is nettrace. Source of truth:
``ep-*`` and ``ds-eventpipe-protocol.c`` of dotnet/runtime, ``ipc-protocol.md`` of dotnet/diagnostics.
"""

from __future__ import annotations

from enum import IntEnum

from dotdump.errors import BadMessage
from dotdump.ipc.commands import OK, Command, command_name
from dotdump.ipc.wire import Message, PayloadReader, PayloadWriter
from dotdump.records import record

DEFAULT_RUNDOWN = 0x80020139
"""The rundown keyword that the older commands mean by "yes"."""


class Format(IntEnum):
    """How the stream is laid out."""

    NET_PERF = 0
    NET_TRACE = 1


class SessionType(IntEnum):
    """Where the events go: down the connection, or to the kernel's user_events."""

    STREAM = 0
    USER_EVENTS = 1


class BufferMode(IntEnum):
    """What the runtime does when the session's buffer is full."""

    DROP = 0
    BLOCK = 1


@record
class EventFilter:
    """Which event ids of a provider are wanted: those listed, or with ``enable`` false all but those."""

    enable: bool = False
    ids: tuple[int, ...] = ()


@record
class Tracepoint:
    """A user_events tracepoint and the event ids that go to it."""

    name: str
    ids: tuple[int, ...]


@record
class Provider:
    """A source of events. ``keywords`` a 64-bit mask, ``level`` 0 (always) to 5 (verbose)."""

    name: str
    keywords: int = 0xFFFFFFFFFFFFFFFF
    level: int = 4
    arguments: str = ""
    filter: EventFilter | None = None
    default_tracepoint: str = ""
    tracepoints: tuple[Tracepoint, ...] = ()


@record
class CollectTracing:
    """The request to start a session; fields that its command cannot carry must have their default.

    ``buffer_megabytes`` is the runtime's buffer; ``rundown`` the keyword mask of events sent at the end, 0 for none.
    """

    providers: tuple[Provider, ...]
    buffer_megabytes: int = 256
    format: int = Format.NET_TRACE
    rundown: int = DEFAULT_RUNDOWN
    stackwalk: bool = True
    session_type: int = SessionType.STREAM
    buffer_mode: int = BufferMode.DROP
    command: int = Command.COLLECT_TRACING2

    def encode(self) -> Message:
        """Return the message; raises ``BadMessage`` where the command cannot say what is asked."""
        if needed_command(self) > self.command:
            raise BadMessage(
                f"{command_name(self.command)} cannot carry what is asked: {command_name(needed_command(self))} can"
            )
        writer = PayloadWriter()
        if self.command >= Command.COLLECT_TRACING5:
            writer.u32(self.session_type)
        if self.session_type == SessionType.STREAM:
            writer.u32(self.buffer_megabytes).u32(self.format)
        _write_rundown(writer, self)
        writer.u32(len(self.providers))
        for provider in self.providers:
            _write_provider(writer, provider, self)
        if self.command >= Command.COLLECT_TRACING6 and self.session_type == SessionType.STREAM:
            writer.u32(self.buffer_mode)
        return writer.message(self.command)

    @classmethod
    def parse(cls, message: Message) -> CollectTracing:
        """Read a request; raises ``BadMessage``."""
        command, reader = message.command, PayloadReader(message.payload, "request for a session")
        kind = reader.u32() if command >= Command.COLLECT_TRACING5 else SessionType.STREAM
        if kind not in (SessionType.STREAM, SessionType.USER_EVENTS):
            raise BadMessage(f"request for a session of unknown type {kind}")
        streamed = kind == SessionType.STREAM
        megabytes, form = (reader.u32(), reader.u32()) if streamed else (0, Format.NET_TRACE)
        rundown, stackwalk = _read_rundown(reader, command, streamed=streamed)
        providers = reader.array(lambda _: _read_provider(reader, command, streamed=streamed), 20)
        buffered = command >= Command.COLLECT_TRACING6 and streamed
        mode = reader.u32() if buffered else BufferMode.DROP
        return cls(providers, megabytes, form, rundown, stackwalk, kind, mode, command)


def needed_command(request: CollectTracing) -> int:
    """Return the oldest command that can carry ``request``."""
    if request.buffer_mode != BufferMode.DROP:
        return Command.COLLECT_TRACING6
    if request.session_type != SessionType.STREAM or any(p.filter or p.tracepoints for p in request.providers):
        return Command.COLLECT_TRACING5
    if request.rundown not in (0, DEFAULT_RUNDOWN):
        return Command.COLLECT_TRACING4
    if not request.stackwalk:
        return Command.COLLECT_TRACING3
    return Command.COLLECT_TRACING2 if not request.rundown else Command.COLLECT_TRACING


def encode_session(session_id: int) -> Message:
    """Return the answer to CollectTracing and to StopTracing."""
    return PayloadWriter().u64(session_id).message(OK)


@record
class StopTracing:
    """The request to end a session; the runtime then sends the rundown on the session's own connection."""

    session_id: int

    def encode(self) -> Message:
        """Return the message."""
        return PayloadWriter().u64(self.session_id).message(Command.STOP_TRACING)

    @classmethod
    def parse(cls, message: Message) -> StopTracing:
        """Read a request; raises ``BadMessage``."""
        return cls(PayloadReader(message.payload, "request to stop a session").u64())


def _write_rundown(writer: PayloadWriter, request: CollectTracing) -> None:
    if request.command >= Command.COLLECT_TRACING4:
        writer.u64(request.rundown)
    elif request.command >= Command.COLLECT_TRACING2:
        writer.boolean(request.rundown != 0)
    if request.command >= Command.COLLECT_TRACING3 and request.session_type == SessionType.STREAM:
        writer.boolean(request.stackwalk)


def _read_rundown(reader: PayloadReader, command: int, *, streamed: bool) -> tuple[int, bool]:
    if command >= Command.COLLECT_TRACING4:
        rundown = reader.u64()
    elif command >= Command.COLLECT_TRACING2:
        rundown = DEFAULT_RUNDOWN if reader.boolean() else 0
    else:
        rundown = DEFAULT_RUNDOWN
    return rundown, reader.boolean() if command >= Command.COLLECT_TRACING3 and streamed else True


def _write_provider(writer: PayloadWriter, provider: Provider, request: CollectTracing) -> None:
    writer.u64(provider.keywords).u32(provider.level).string(provider.name).optional_string(provider.arguments or None)
    if request.command < Command.COLLECT_TRACING5:
        return
    chosen = provider.filter or EventFilter()
    _write_ids(writer.boolean(chosen.enable), chosen.ids)
    if request.session_type == SessionType.USER_EVENTS:
        writer.optional_string(provider.default_tracepoint or None).u32(len(provider.tracepoints))
        for tracepoint in provider.tracepoints:
            _write_ids(writer.string(tracepoint.name), tracepoint.ids)


def _read_provider(reader: PayloadReader, command: int, *, streamed: bool) -> Provider:
    keywords, level, name, arguments = reader.u64(), reader.u32(), reader.string(), reader.string()
    if command < Command.COLLECT_TRACING5:
        return Provider(name, keywords, level, arguments)
    chosen: EventFilter | None = EventFilter(reader.boolean(), _read_ids(reader))
    if chosen == EventFilter():
        chosen = None
    if streamed:
        return Provider(name, keywords, level, arguments, chosen)
    default = reader.string()
    tracepoints = reader.array(lambda _: Tracepoint(reader.string(), _read_ids(reader)), 8)
    return Provider(name, keywords, level, arguments, chosen, default, tracepoints)


def _write_ids(writer: PayloadWriter, ids: tuple[int, ...]) -> None:
    writer.u32(len(ids))
    for number in ids:
        writer.u32(number)


def _read_ids(reader: PayloadReader) -> tuple[int, ...]:
    return reader.array(PayloadReader.u32, 4)

"""``EventPipeSession``: the events of a runtime as a stream of bytes that can be read, stopped and closed.

Knows nothing of nettrace. Source of truth: ``ipc-protocol.md`` of dotnet/diagnostics.
"""

from __future__ import annotations

from dotdump.closing import Closing
from dotdump.errors import CommandRejected
from dotdump.ipc.answers import accepted
from dotdump.ipc.commands import Command
from dotdump.ipc.conversation import converse, is_unknown_command, receive_answer
from dotdump.ipc.event_pipe import CollectTracing, SessionType, StopTracing, needed_command
from dotdump.ipc.transport import Deadline
from dotdump.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.ipc.client import Endpoint
    from dotdump.ipc.transport import Channel


class EventPipeSession(Closing):
    """A running session. Closing it, or leaving its ``with`` block, ends it without the last events.

    ``command`` is the one that started it. Read until ``b""``: a runtime whose events are not read drops them.
    """

    def __init__(self, endpoint: Endpoint, session_id: int, command: int, stream: Channel, first: bytes) -> None:
        self._endpoint = endpoint
        self._stream = stream
        self._first = first
        self.session_id = session_id
        self.command = command

    def fileno(self) -> int:
        """Return the descriptor of the stream, for ``poll``; a first part may have come with the answer already."""
        return self._stream.fileno()

    def read(self, limit: int = 1 << 16, timeout: float = 10.0) -> bytes:
        """Return some of the stream, ``b""`` at its end; raises ``ServerSilent`` where nothing comes in time."""
        return self._read(limit, Deadline(timeout))

    def stop(self, timeout: float = 60.0) -> Iterator[bytes]:
        """Ask for the end, and give the rest of the stream: the last events and the rundown, all within ``timeout``.

        The runtime answers when all has been sent, so this only ends, and the session only stops well, when the
        iterator is used up. Raises ``CommandRejected`` where the runtime knows no such session (any more).
        """
        deadline = Deadline(timeout)
        with self._endpoint.connect(deadline) as control:
            control.send(StopTracing(self.session_id).encode().encode(), deadline)
            while part := self._read(1 << 16, deadline):
                yield part
            answer, _ = receive_answer(control, Command.STOP_TRACING, deadline)
            accepted(Command.STOP_TRACING, answer)

    def close(self) -> None:
        """Hang up: the runtime ends the session when it next has something to send."""
        self._stream.close()

    def _read(self, limit: int, deadline: Deadline) -> bytes:
        if self._first:
            part, self._first = self._first[:limit], self._first[limit:]
            return part
        return self._stream.receive(limit, deadline)


def start_session(
    endpoint: Endpoint, request: CollectTracing, deadline: Deadline, user_events: int | None = None
) -> EventPipeSession:
    """Start a session with the oldest command since .NET 5 that can carry ``request``, on 3.1 with its only one.

    ``user_events`` is a descriptor of ``user_events_data``, for a session of that type: the runtime writes there.
    """
    needed = needed_command(request)
    try:
        return _start(endpoint, replace(request, command=max(needed, Command.COLLECT_TRACING2)), deadline, user_events)
    except CommandRejected as error:
        if not is_unknown_command(error) or needed != Command.COLLECT_TRACING:
            raise
    return _start(endpoint, replace(request, command=needed), deadline, user_events)


def _start(
    endpoint: Endpoint, request: CollectTracing, deadline: Deadline, user_events: int | None
) -> EventPipeSession:
    stream = endpoint.connect(deadline)
    try:
        if request.session_type == SessionType.USER_EVENTS and user_events is not None:
            stream.send(request.encode().encode(), deadline)
            stream.send_descriptor(user_events, deadline)
            answer, rest = receive_answer(stream, request.command, deadline)
        else:
            answer, rest = converse(stream, request.encode(), deadline)
        session_id = accepted(request.command, answer).u64()
    except BaseException:
        stream.close()
        raise
    return EventPipeSession(endpoint, session_id, request.command, stream, rest)

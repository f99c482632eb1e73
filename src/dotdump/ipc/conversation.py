"""One request, one answer, on a connection of their own."""

from __future__ import annotations

from dotdump.errors import BadMessage
from dotdump.ipc.commands import HResult, command_name
from dotdump.ipc.wire import MessageDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.errors import CommandRejected
    from dotdump.ipc.transport import Channel, Deadline
    from dotdump.ipc.wire import Message


def converse(channel: Channel, request: Message, deadline: Deadline) -> tuple[Message, bytes]:
    """Send a request and return its answer and what came after it; raises ``ServerSilent`` or ``BadMessage``."""
    channel.send(request.encode(), deadline)
    return receive_answer(channel, request.command, deadline)


def receive_answer(channel: Channel, command: int, deadline: Deadline) -> tuple[Message, bytes]:
    """Return the answer to a ``command`` that was sent, and what came after it; raises as ``converse`` does."""
    decoder = MessageDecoder()
    while data := channel.receive(1 << 16, deadline):
        if answer := decoder.feed(data):
            return answer, decoder.rest
    raise BadMessage(f"{channel.name} closed the connection without an answer to {command_name(command)}")


def is_unknown_command(error: CommandRejected) -> bool:
    """Return whether the runtime is too old for the command, or calls it so."""
    return error.code == HResult.UNKNOWN_COMMAND

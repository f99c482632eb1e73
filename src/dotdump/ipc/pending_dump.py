"""``PendingDump``: a dump that a runtime has been asked for, to wait on, to watch, or to give up.

The protocol says nothing until the whole core is written, and cannot be told to stop. So the caller polls between
looks at the growing file, and giving up ends our part only: the runtime may go on writing.
"""

from __future__ import annotations

from select import POLLIN, poll

from dotdump.closing import Closing
from dotdump.errors import BadMessage, CommandRejected
from dotdump.ipc.answers import require_done
from dotdump.ipc.commands import Command, HResult, command_name
from dotdump.ipc.dump import VERSIONS, DumpFlags, GenerateCoreDump
from dotdump.ipc.wire import MessageDecoder
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.ipc.client import Endpoint
    from dotdump.ipc.dump import DumpType
    from dotdump.ipc.transport import Channel, Deadline


@record
class WrittenDump:
    """The runtime says that it wrote a core to ``path``: which proves nothing until the file is verified.

    ``command`` is the one that did it, ``version`` its number among the three.
    """

    path: str
    command: int
    version: int


class PendingDump(Closing):
    """A dump under way. Close it, or use it in a ``with`` block, to end our part of it whatever happens.

    ``poll`` returns None while the runtime writes, raises what went wrong, and returns a ``WrittenDump`` at the end::

        with client.begin_write_dump(path) as pending:
            while (written := pending.poll(0.2)) is None:
                show(progress)

    ``fileno`` is there for a selector; it changes when the runtime turns out not to know a command and an older one
    is sent, which ``poll`` does.
    """

    def __init__(self, endpoint: Endpoint, path: str, dump_type: DumpType, flags: int, deadline: Deadline) -> None:
        self._endpoint = endpoint
        self._path = path
        self._type = dump_type
        self._flags = flags
        self._deadline = deadline
        self._untried = list(VERSIONS)
        self._send_next()

    def fileno(self) -> int:
        """Return the descriptor that becomes readable with the answer."""
        return self._channel.fileno()

    def poll(self, seconds: float = 0.0) -> WrittenDump | None:
        """Wait up to ``seconds`` for the answer; None where it has not come.

        Raises ``CommandRejected`` with the runtime's text; ``ServerSilent`` past the deadline of the whole; and
        ``BadMessage`` where the runtime, or the process, ended without an answer.
        """
        left = min(seconds, self._deadline.require(f"waiting for the dump by {self._channel.name}"))
        readiness = poll()
        readiness.register(self._channel.fileno(), POLLIN)
        if not readiness.poll(left * 1000):
            return None
        data = self._channel.receive(1 << 16, self._deadline)
        if not data:
            raise BadMessage(
                f"{self._channel.name} closed the connection without an answer to {command_name(self._command)}",
                hint="the target ended, or was killed, while it was being dumped",
            )
        answer = self._decoder.feed(data)
        if answer is None:
            return None
        try:
            require_done(self._command, answer)
        except CommandRejected as error:
            self._fall_back(error)
            return None
        self.close()
        return WrittenDump(self._path, self._command, VERSIONS.index(self._command) + 1)

    def wait(self) -> WrittenDump:
        """Wait for the end; raises as ``poll`` does."""
        while (written := self.poll(self._deadline.remaining)) is None:
            pass
        return written

    def close(self) -> None:
        """End our part. The runtime is not told, because it cannot be: it may go on writing."""
        self._channel.close()

    def _send_next(self) -> None:
        self._command = self._untried.pop()
        request = GenerateCoreDump(self._path, self._type, self._flags, self._command).encode()
        self._decoder = MessageDecoder()
        self._channel: Channel = self._endpoint.connect(self._deadline)
        try:
            self._channel.send(request.encode(), self._deadline)
        except BaseException:
            self._channel.close()
            raise

    def _fall_back(self, error: CommandRejected) -> None:
        """Send the next older command where the runtime does not know this one; else raise ``error``."""
        self._channel.close()
        if error.code != HResult.UNKNOWN_COMMAND or not self._untried:
            raise error
        if self._untried == [Command.GENERATE_CORE_DUMP] and self._flags | DumpFlags.LOGGING != DumpFlags.LOGGING:
            raise CommandRejected(
                error.command, error.code, error.name, "this runtime knows no flag but logging"
            ) from error
        self._send_next()

"""``StreamOutput``: a core that somebody else reads as it is written: standard output, a pipe, a redirected file.

Forward only; never opened, named, kept or removed here. A reader that ends is an error, and one that falls silent is
waited for until the deadline, where the kernel lets us write without sleeping: into a pipe or a socket. Source:
pipe(7), proc(5), send(2).
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import time

from dotdump.closing import Closing
from dotdump.dump.sink import PipeSink, sink_for
from dotdump.errors import Incomplete, OutputRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.sink import FileSink


_LONGEST_WAIT = 1e6
"""Seconds: poll(2) takes no more than 2^31 milliseconds."""


class StreamOutput(Closing):
    """An open ``descriptor``, not ours to close. ``path`` is what to call it."""

    def __init__(self, descriptor: int, path: str, deadline: float) -> None:
        self.descriptor = descriptor
        self.path = path
        self._sink = _sink(descriptor, deadline)

    @classmethod
    def open(cls, descriptor: int, name: str, deadline: float) -> StreamOutput:
        """Return the stream; raises ``OutputRefused`` for a terminal and for a descriptor that is closed."""
        if not _is_writable(descriptor):
            raise OutputRefused(f"cannot write to {name}: it is closed")
        if os.isatty(descriptor):
            raise OutputRefused(
                f"cannot write a core to {name}: it is a terminal",
                hint="send it somewhere: dotdump collect … -o - > FILE, or … -o - | PROGRAM",
            )
        return cls(descriptor, name, deadline)

    @property
    def size(self) -> int:
        """Bytes that the stream has taken."""
        return self._sink.position

    def sink(self) -> FileSink | PipeSink:
        """Return where to write."""
        return self._sink

    def close(self) -> None:
        """Let go of it. A second call does nothing."""
        if isinstance(self._sink, PatientPipe):
            self._sink.close()


class PatientPipe(PipeSink):
    """A pipe whose reader has until ``deadline``, a time of ``time.monotonic``.

    The ``descriptor`` is its own, and what it does not take at once is a ``BlockingIOError``.
    """

    def __init__(self, descriptor: int, deadline: float) -> None:
        super().__init__(descriptor)
        self._deadline = deadline
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data).cast("B")
        while len(view):
            try:
                taken = self._give(view)
            except BlockingIOError:
                self._wait()
                continue
            self._stored += taken
            view = view[taken:]

    def close(self) -> None:
        """Close it. A second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _give(self, data: memoryview) -> int:
        return os.write(self._descriptor, data)

    def _wait(self) -> None:
        left = self._deadline - time.monotonic()
        if left > 0:
            self._poll.poll(min(left, _LONGEST_WAIT) * 1000)
        else:
            raise Incomplete("the dump was cut short: its reader did not take it within --timeout")


class PatientSocket(PatientPipe):
    """The same over a socket, as services and containers have one for standard output."""

    def __init__(self, descriptor: int, deadline: float) -> None:
        import socket

        super().__init__(descriptor, deadline)
        self._socket, self._flags = socket.socket(fileno=descriptor), socket.MSG_DONTWAIT

    def close(self) -> None:
        """Close it. A second call does nothing."""
        self._socket.close()

    def _give(self, data: memoryview) -> int:
        return self._socket.send(data, self._flags)


def _is_writable(descriptor: int) -> bool:
    """Return whether ``descriptor`` is open, and not for reading alone, as a stream that was closed is in our hands."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except OSError:
        return False


def _sink(descriptor: int, deadline: float) -> FileSink | PipeSink:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        return PatientSocket(os.dup(descriptor), deadline)
    if not stat.S_ISFIFO(mode):
        return sink_for(descriptor)
    try:
        # Opened anew: O_NONBLOCK on the descriptor itself would be set for everybody who shares it.
        own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OutputRefused("cannot write a core to standard output: nobody reads it") from error
        return sink_for(descriptor)  # another user's pipe, or no /proc
    return PatientPipe(own, deadline)

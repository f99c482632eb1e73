"""``Peer``: one connection of the server, which reads one request and sends one answer, and never blocks."""

from __future__ import annotations

from time import monotonic

from dotdump.ipc.wire import MessageDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from dotdump.ipc.wire import Message

REQUEST_SECONDS = 10.0
"""How long a request may take from its first byte, or from the connection, to its last; and an answer to be taken."""

_CHUNK = 1 << 16


class Peer:
    """A connected socket, its half-read request, and what is still to be sent.

    ``port`` is the number of the port it came by; ``patient`` while it may stay silent: a port that we connected to.
    """

    def __init__(self, connection: socket.socket, port: int, greeting: bytes = b"", *, patient: bool = False) -> None:
        connection.settimeout(0)
        self._socket = connection
        self._decoder = MessageDecoder()
        self._unsent = greeting
        self.port = port
        self.patient = patient
        self.asked = False
        self._since = monotonic()

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._socket.fileno()

    @property
    def is_sending(self) -> bool:
        """Whether there are bytes to send."""
        return bool(self._unsent)

    @property
    def seconds_left(self) -> float:
        """How long this peer may still take for what it is at."""
        if self.patient or (self.asked and not self._unsent):
            return float("inf")
        return self._since + REQUEST_SECONDS - monotonic()

    def hear(self) -> Message | None:
        """Read what is there; return the request once it is whole; raises ``EOFError`` or ``BadMessage``.

        As with runtimes what follows a request is ignored.
        """
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        if self.patient:
            self.patient, self._since = False, monotonic()
        message = self._decoder.feed(data)
        self.asked = message is not None
        return message

    def answer(self, data: bytes) -> None:
        """Have ``data`` sent; nothing more is read."""
        self.asked = True
        self._unsent += data
        self._since = monotonic()

    def send(self) -> bool:
        """Send what can be sent at once; return whether the answer is on its way; raises ``EOFError``."""
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent[:_CHUNK]) :]
        except BlockingIOError:
            return False
        except OSError as error:
            raise EOFError from error
        return self.asked and not self._unsent

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

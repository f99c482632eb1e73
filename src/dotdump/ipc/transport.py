"""``Channel``: one connection over a Unix socket, every wait of which ends at a deadline. Knows no messages.

Works on the C type beneath ``socket.socket``: importing ``socket`` itself takes as long as half of ``dotdump ps``,
almost all of it for enumerations that are not used here. ``socket.socket`` is a subclass, so either fits.
"""

from __future__ import annotations

import os
from _socket import AF_UNIX, SCM_RIGHTS, SO_PEERCRED, SO_SNDTIMEO, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET
from _socket import socket as Socket  # noqa: N812 -- a class with a function's name
from struct import Struct
from time import monotonic

from dotdump.closing import Closing
from dotdump.errors import BadMessage, ServerSilent
from dotdump.records import record

TYPE_CHECKING = False

_CREDENTIALS = Struct("<iII")
_DESCRIPTOR = Struct("@i")
_TIMEVAL = Struct("@ll")
_CHUNK = 1 << 16


class Deadline:
    """A moment after which nothing is waited for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - monotonic())

    def require(self, doing: str) -> float:
        """Return the seconds left; raises ``ServerSilent`` where there are none, saying what was not done."""
        left = self.remaining
        if not left:
            raise self.missed(doing)
        return left

    def missed(self, doing: str) -> ServerSilent:
        """Return the error that says what was not done in time."""
        return ServerSilent(f"{doing}: no answer within {self.seconds:g} s")


@record
class PeerCredentials:
    """Who listened on the socket, as the kernel recorded it: ``pid`` 0 where it is outside our pid namespace."""

    pid: int
    uid: int
    gid: int


class Channel(Closing):
    """A connected stream. ``name`` says whose, in errors. Close it; a second close does nothing."""

    def __init__(self, socket: Socket, name: str) -> None:
        self._socket = socket
        self.name = name

    def fileno(self) -> int:
        """Return the descriptor, for ``poll``; -1 once closed."""
        return self._socket.fileno()

    def peer(self) -> PeerCredentials:
        """Return who listened, or connected, at the other end."""
        data = self._socket.getsockopt(SOL_SOCKET, SO_PEERCRED, _CREDENTIALS.size)
        return PeerCredentials(*_CREDENTIALS.unpack(data))

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of ``data``; raises ``ServerSilent``, or ``BadMessage`` where the peer has closed."""
        view = memoryview(data)
        while view:
            self._socket.settimeout(deadline.require(f"sending to {self.name}"))
            try:
                view = view[self._socket.send(view) :]
            except TimeoutError:
                raise deadline.missed(f"sending to {self.name}") from None
            except OSError as error:
                raise BadMessage(f"{self.name} closed the connection before the request was sent") from error

    def send_descriptor(self, descriptor: int, deadline: Deadline) -> None:
        """Send a descriptor with one byte of data, as ``SCM_RIGHTS`` has it; raises as ``send`` does."""
        self._socket.settimeout(deadline.require(f"sending to {self.name}"))
        try:
            self._socket.sendmsg([b"\0"], [(SOL_SOCKET, SCM_RIGHTS, _DESCRIPTOR.pack(descriptor))])
        except TimeoutError:
            raise deadline.missed(f"sending to {self.name}") from None
        except OSError as error:
            raise BadMessage(f"{self.name} closed the connection before the descriptor was sent") from error

    def receive(self, limit: int, deadline: Deadline) -> bytes:
        """Return what has come, at most ``limit`` bytes; ``b""`` at the end of the stream; raises ``ServerSilent``."""
        self._socket.settimeout(deadline.require(f"waiting for {self.name}"))
        try:
            return self._socket.recv(min(limit, _CHUNK))
        except TimeoutError:
            raise deadline.missed(f"waiting for {self.name}") from None
        except ConnectionError:
            return b""

    def receive_exactly(self, size: int, deadline: Deadline, already: bytes = b"") -> bytes:
        """Return ``size`` bytes, ``already`` first; raises ``BadMessage`` where the stream ends before."""
        parts, missing = [already[:size]], size - len(already)
        while missing > 0:
            part = self.receive(missing, deadline)
            if not part:
                raise BadMessage(f"{self.name} ended {missing:,} bytes before the {size:,} it announced")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def connect_descriptor(descriptor: int, name: str, deadline: Deadline) -> Channel:
    """Connect to the socket file that an ``O_PATH`` descriptor holds, so its path may be long and cannot be swapped.

    Raises ``OSError`` as connect(2) does, ``ServerSilent`` where the listener's queue stays full.
    """
    return connect_path(f"/proc/self/fd/{descriptor}", name, deadline)


def connect_path(path: str, name: str, deadline: Deadline) -> Channel:
    """Connect to a socket by a path of at most 107 bytes; raises as ``connect_descriptor`` does."""
    socket = Socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
    try:
        seconds, fraction = divmod(deadline.remaining, 1)  # past it too: who has room in its queue is not waited for
        # Not settimeout: a non-blocking connect fails at once where the listener's queue is full.
        socket.setsockopt(SOL_SOCKET, SO_SNDTIMEO, _TIMEVAL.pack(int(seconds), max(1, int(fraction * 1e6))))
        socket.connect(path)
    except BlockingIOError:
        socket.close()
        raise deadline.missed(f"connecting to {name}") from None
    except BaseException:
        socket.close()
        raise
    return Channel(socket, name)


def open_path(path: str) -> int:
    """Return an ``O_PATH`` descriptor of the file itself, of a symbolic link where it is one; raises ``OSError``."""
    return os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)

"""``ConnectPort``: a port that the server connects to, again and again, each time saying first who it is.

Source of truth: ``ds-ipc.c`` of dotnet/runtime: a new connection after every command, and after a failure tries that
are 10 ms apart at first and 500 ms at last.
"""

from __future__ import annotations

import os
import socket
from time import monotonic

from dotdump.ipc.advertise import Advertise
from dotdump.server.peer import Peer

FIRST_WAIT, WAIT_GROWTH, LONGEST_WAIT = 0.01, 1.25, 0.5


class ConnectPort:
    """One port of ``DOTNET_DiagnosticPorts``; ``number`` tells it from the others."""

    def __init__(self, address: str, number: int, cookie: str) -> None:
        self._address = address
        self._number = number
        self._cookie = cookie
        self._wait = FIRST_WAIT
        self._next = 0.0
        self.peer: Peer | None = None

    @property
    def seconds_left(self) -> float:
        """How long until it is time to try; infinite while connected."""
        return float("inf") if self.peer else max(0.0, self._next - monotonic())

    def connect(self) -> Peer | None:
        """Try once, without waiting; return the peer that now waits to be asked by the other side."""
        try:
            connection = self._connection()
        except OSError:
            self._next = monotonic() + self._wait
            self._wait = min(self._wait * WAIT_GROWTH, LONGEST_WAIT)
            return None
        self._wait = FIRST_WAIT
        greeting = Advertise(self._cookie, os.getpid()).encode()
        self.peer = Peer(connection, self._number, greeting, patient=True)
        return self.peer

    def _connection(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(0)
            connection.connect(self._address)
        except OSError:
            connection.close()
            raise
        return connection

    def lost(self) -> None:
        """Take note that the connection has ended: try again, though not at once."""
        self.peer = None
        self._next = monotonic() + FIRST_WAIT

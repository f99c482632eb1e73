"""A listening Unix socket that is ours alone: mode 0600 before it has a name, removed only where it is still ours.

Uses the real ``socket`` module: nothing that must start fast listens. Source of truth: unix(7).
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import time
from contextlib import suppress

from dotdump.closing import Closing
from dotdump.errors import ServerUnavailable

TYPE_CHECKING = False

_LONGEST_PATH = 107
_BACKLOG = 255
_NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_PAUSE = 0.05
"""Seconds."""


class Listener(Closing):
    """A listening socket bound to ``path``, non-blocking. Close it; a second close does nothing.

    Raises ``ServerUnavailable`` where the path is too long for a socket, taken, or cannot be bound.
    """

    def __init__(self, path: str) -> None:
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise ServerUnavailable(
                f"{path}: a socket's path has at most {_LONGEST_PATH} bytes", hint="choose a shorter directory"
            )
        self.path = path
        try:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        except OSError as error:
            raise ServerUnavailable(f"{path}: cannot listen: {error.strerror}") from error
        try:
            self._bind()
        except OSError as error:
            self.socket.close()
            raise ServerUnavailable(f"{path}: cannot listen there: {error.strerror}") from error

    def accept(self) -> socket.socket | None:
        """Return the next connection, or None where none waits.

        None, after a short pause, also where there is no descriptor or no memory for it: it waits on, and so do others.
        """
        try:
            return self.socket.accept()[0]
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            time.sleep(_PAUSE)
            return None

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self.socket.fileno()

    def close(self) -> None:
        """Stop listening and remove the name, unless it names another file by now, or its directory does not let us."""
        if self.socket.fileno() < 0:
            return
        self.socket.close()
        if _file_at(self.path) == self._file:
            with suppress(OSError):
                os.unlink(self.path)

    def _bind(self) -> None:
        self.socket.settimeout(0)
        os.fchmod(self.socket.fileno(), 0o600)
        try:
            self.socket.bind(self.path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            _remove_stale(self.path)
            self.socket.bind(self.path)
        self._file = _file_at(self.path)
        self.socket.listen(_BACKLOG)


def _remove_stale(path: str) -> None:
    """Remove a socket of ours that nobody listens on; anything else is left for bind to refuse."""
    facts = os.lstat(path)
    if not stat.S_ISSOCK(facts.st_mode) or facts.st_uid != os.geteuid():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except OSError:
            return


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        facts = os.lstat(path)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino

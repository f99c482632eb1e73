"""Sockets that someone else put where a target's own would be: never used, and named in the error."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from dotdump.errors import ServerSpoofed, ServerUnavailable
from dotdump.ipc.discovery import connect_process
from dotdump.ipc.transport import Deadline
from dotdump.linux.proc import Proc
from hostile.peers import SESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLANTED = min(SESSIONS, 1000)
NOBODY = 65534
WAIT = "import sys; print(flush=True); sys.stdin.read()"
LISTEN = (
    "import os, socket, sys; s = socket.socket(socket.AF_UNIX);"
    "s.bind(f'{sys.argv[1]}/dotnet-diagnostic-{os.getpid()}-1-socket'); s.listen(); print(flush=True); sys.stdin.read()"
)


@contextmanager
def _target(script: str) -> Iterator[tuple[int, Path]]:
    """A process with a temporary directory of its own; it runs ``script`` and waits."""
    with TemporaryDirectory(dir="/tmp", prefix="dd-") as directory:
        command = [sys.executable, "-c", script, directory]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": directory}
        ) as process:
            assert process.stdout
            process.stdout.readline()
            yield process.pid, Path(directory)
            process.communicate()


def _listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def _listening_as_nobody(path: Path) -> socket.socket:
    listener = _listening(path)
    os.chown(path, NOBODY, NOBODY)
    return listener


def _symlink(path: Path) -> socket.socket:
    real = path.with_name("elsewhere")
    real.unlink(missing_ok=True)
    listener = _listening(real)
    path.symlink_to(real)
    return listener


def _regular(path: Path) -> None:
    path.write_bytes(b"DOTNET_IPC_V1")


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _directory(path: Path) -> None:
    path.mkdir()


def _left_over(path: Path) -> None:
    _listening(path).close()


PLANTS: list[Callable[[Path], socket.socket | None]] = [_listening, _symlink, _regular, _fifo, _directory, _left_over]
if os.geteuid() == 0:
    PLANTS.append(_listening_as_nobody)


def _heard_nothing(listener: socket.socket) -> bool:
    """Whether nobody who connected said anything: an honest check hangs up without a word."""
    while select.select([listener], [], [], 0)[0]:
        with listener.accept()[0] as connection:
            connection.settimeout(5)
            if connection.recv(1):
                return False
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()


def test_no_planted_socket_is_ever_used() -> None:
    refused = 0
    with _target(WAIT) as (pid, directory):
        start_time = Proc(pid).stat().start_time
        for number in range(PLANTED):
            key = start_time if number % 3 == 0 else number
            path = directory / f"dotnet-diagnostic-{pid}-{key}-socket"
            listener = PLANTS[number % len(PLANTS)](path)
            with pytest.raises(ServerUnavailable) as caught:
                connect_process(pid, Deadline(5))
            assert str(path) in caught.value.message
            refused += 1
            if listener:
                with listener:
                    assert _heard_nothing(listener)
            _remove(path)
    print(f"{refused} planted sockets, none accepted")


def test_the_targets_own_socket_is_found_among_planted_ones() -> None:
    with _target(LISTEN) as (pid, directory), ExitStack() as stack:
        own = directory / f"dotnet-diagnostic-{pid}-1-socket"
        for number, plant in enumerate(PLANTS, start=2):
            path = directory / f"dotnet-diagnostic-{pid}-{number}-socket"
            if listener := plant(path):
                stack.enter_context(listener)
            os.utime(path, (2**31, 2**31), follow_symlinks=False)
        channel, found = connect_process(pid, Deadline(5))
        with channel:
            assert found.path == str(own)
            assert channel.peer().pid == pid


def test_a_planted_socket_is_told_from_one_that_is_off() -> None:
    with _target(WAIT) as (pid, directory):
        with pytest.raises(ServerUnavailable, match="no diagnostics socket"):
            connect_process(pid, Deadline(5))
        path = directory / f"dotnet-diagnostic-{pid}-7-socket"
        _left_over(path)
        with pytest.raises(ServerUnavailable, match=r"no diagnostics socket in .*; .*7-socket is left over"):
            connect_process(pid, Deadline(5))
        path.unlink()
        with _listening(path), pytest.raises(ServerSpoofed, match=f"process {os.getpid()} listens on it"):
            connect_process(pid, Deadline(5))

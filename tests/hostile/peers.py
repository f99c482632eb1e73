"""Peers that break the protocol on purpose: a server for our client, and connections to our listening port."""

from __future__ import annotations

import os
import random
import select
import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from dotdump.ipc.advertise import Advertise
from dotdump.ipc.answers import rejected
from dotdump.ipc.commands import OK, HResult
from dotdump.ipc.process import ProcessInfo, encode_environment
from dotdump.ipc.wire import Message, MessageDecoder, guid_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SESSIONS = int(os.environ.get("DOTDUMP_HOSTILE_SESSIONS", "300"))
"""How many hostile sessions each test runs: a sample in the suite, 10,000 in ``make fuzz``."""

HONEST = ProcessInfo(os.getpid(), "00112233-4455-6677-8899-aabbccddeeff", "fake", "Linux", "x64")
_ENDLESS = b"\xff\xff\xff\xff"


def _header(size: int, command: int = OK) -> bytes:
    return struct.pack("<14sHBBH", b"DOTNET_IPC_V1\0", size, command >> 8, command & 0xFF, 0)


def _answers(dice: random.Random) -> list[bytes]:
    """Everything a server can say wrongly, or rightly in the wrong place."""
    noise = dice.randbytes(dice.randrange(200))
    environment, block = encode_environment({"A": "b"})
    return [
        noise,
        _header(dice.randrange(20)),
        _header(20),
        _header(0xFFFF) + noise,
        _header(0xFFFF) + bytes(65515) + noise,
        _header(24) + _ENDLESS,
        _header(24 + 20) + bytes(20) + _ENDLESS,
        Message(dice.randrange(0x10000), noise).encode(),
        Message(OK, noise).encode(),
        Message(OK, bytes(24) + _ENDLESS + noise).encode(),
        Message(OK, bytes(28) + _ENDLESS + noise).encode(),
        Message(OK, _ENDLESS + b"\0\0").encode() + noise,
        environment.encode() + block[: dice.randrange(len(block))],
        environment.encode() + _ENDLESS + block[4:],
        environment.encode() + block,
        HONEST.encode().encode()[: dice.randrange(60)],
        rejected(HResult.UNKNOWN_COMMAND).encode(),
        rejected(dice.randrange(1 << 32), "no").encode()[: 20 + dice.randrange(12)],
        _header(24, 0xFFFF) + struct.pack("<I", HResult.E_FAIL),
        _header(32, 0xFFFF) + struct.pack("<I", HResult.E_FAIL) + _ENDLESS + b"\0\0\0\0",
        Message(OK, bytes(8)).encode() + b"Nettrace" * dice.randrange(2000),
        b"DOTNET_IPC_V1\0"[: dice.randrange(15)],
    ]


class HostileServer:
    """Listens on ``path`` and plays one script a connection, chosen by ``seed``; every script ends with the client."""

    def __init__(self, path: Path, seed: int) -> None:
        self._dice = random.Random(seed)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(255)
        self._kept: deque[socket.socket] = deque(maxlen=32)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            try:
                self._play(connection)
            except OSError:
                connection.close()

    def _play(self, connection: socket.socket) -> None:
        scripts: list[Callable[[socket.socket], None]] = [self._hang_up, self._keep, self._drip, *[self._say] * 6]
        connection.settimeout(0.5)
        if self._dice.random() < 0.9:
            connection.recv(1 + self._dice.randrange(4096))
        self._dice.choice(scripts)(connection)

    def _hang_up(self, connection: socket.socket) -> None:
        if self._dice.random() < 0.5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def _say(self, connection: socket.socket) -> None:
        connection.sendall(self._dice.choice(_answers(self._dice)))
        (self._keep if self._dice.random() < 0.3 else self._hang_up)(connection)

    def _keep(self, connection: socket.socket) -> None:
        """Say nothing more; hang up much later."""
        if len(self._kept) == self._kept.maxlen:
            self._kept.popleft().close()
        self._kept.append(connection)

    def _drip(self, connection: socket.socket) -> None:
        """A byte at a time, slower than any deadline allows."""
        for byte in self._dice.choice(_answers(self._dice)):
            connection.send(bytes((byte,)))
            time.sleep(0.01)
            if select.select([connection], [], [], 0)[0] and not connection.recv(4096):
                break
        connection.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for connection in self._kept:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class HonestRuntime:
    """Connects to a port as a runtime does, answers one ProcessInfo a connection, and connects again."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._running:
            with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(0.5)
                connection.connect(self._path)
                connection.sendall(Advertise(HONEST.cookie, HONEST.pid).encode())
                self._serve(connection)
            time.sleep(0.002)

    def _serve(self, connection: socket.socket) -> None:
        decoder = MessageDecoder()
        while self._running:
            try:
                data = connection.recv(4096)
            except TimeoutError:
                continue
            if not data:
                return
            if decoder.feed(data):
                connection.sendall(HONEST.encode().encode())
                return

    def close(self) -> None:
        self._running = False
        self._thread.join(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def hostile_runtime(path: str, dice: random.Random, kept: deque[socket.socket]) -> None:
    """Connect once to a listening port and break the rules of advertising, or keep them and vanish."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(0)
    with suppress(OSError):
        connection.connect(path)
        connection.send(dice.choice(_advertises(dice)))
    if dice.random() < 0.5:
        connection.close()
        return
    if len(kept) == kept.maxlen:
        kept.popleft().close()
    kept.append(connection)


def _advertises(dice: random.Random) -> list[bytes]:
    cookie = guid_text(dice.randbytes(16))
    whole = Advertise(cookie, os.getpid()).encode()
    return [
        b"",
        whole[: dice.randrange(34)],
        whole + dice.randbytes(1 + dice.randrange(99)),
        dice.randbytes(dice.randrange(200)),
        b"ADVR_V1\0" + dice.randbytes(26),
        Advertise(cookie, os.getpid() + 1 + dice.randrange(1000)).encode(),
        Advertise(HONEST.cookie, 1 + dice.randrange(1000)).encode(),
        HONEST.encode().encode(),
        whole,
    ]

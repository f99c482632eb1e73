"""The target as the DAC sees it: memory and registers that the worker's owner holds, asked for piece by piece."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from dotdump.clr.dac import contexts
from dotdump.clr.dac.com import E_FAIL, S_OK, ComServer
from dotdump.clr.dac.interfaces import DATA_TARGET, RUNTIME_LOCATOR
from dotdump.clr.dac.messages import CONTEXT_BODY, READ_BODY, Kind, receive, send
from dotdump.memory.space import ADDRESS_MASK, PIECE

if TYPE_CHECKING:
    import socket

_AHEAD = 64 << 10
_MACHINE_AMD64 = 0x8664
_NAME_LENGTH = 1024


class RemoteTarget:
    """Asks ``owner`` for memory; ``runtime_base`` is where the runtime's file ``runtime_name`` is loaded."""

    def __init__(self, owner: socket.socket, runtime_base: int, runtime_name: str) -> None:
        self._owner = owner
        self._base = runtime_base
        self._name = runtime_name
        self._pieces: dict[int, bytes] = {}
        self._server = ComServer(
            (
                DATA_TARGET,
                {
                    "GetMachineType": lambda _this, out: _store(ctypes.c_uint32, out, _MACHINE_AMD64),
                    "GetPointerSize": lambda _this, out: _store(ctypes.c_uint32, out, 8),
                    "GetImageBase": self._image_base,
                    "ReadVirtual": self._read_virtual,
                    "GetThreadContext": self._thread_context,
                },
            ),
            (RUNTIME_LOCATOR, {"GetRuntimeBase": lambda _this, out: _store(ctypes.c_uint64, out, self._base)}),
        )
        self.address = self._server.address

    def read(self, address: int, size: int) -> bytes:
        """Return the bytes at ``address``, fewer where not all are there."""
        data = bytearray()
        while len(data) < size:
            place = address + len(data)
            piece = self._piece(place & -PIECE)
            part = piece[place % PIECE : place % PIECE + size - len(data)]
            data += part
            if not part:
                break
        return bytes(data)

    def _piece(self, start: int) -> bytes:
        if start not in self._pieces:
            send(self._owner, Kind.READ, READ_BODY.pack(start & ADDRESS_MASK, _AHEAD))
            _, data = receive(self._owner)
            self._pieces[start] = data[:PIECE]
            for offset in range(PIECE, len(data), PIECE):
                self._pieces.setdefault(start + offset, data[offset : offset + PIECE])
        return self._pieces[start]

    def _read_virtual(self, _this: int, address: int, buffer: int, size: int, done: int) -> int:
        data = self.read(address, size)
        ctypes.memmove(buffer, data, len(data))
        if done:
            _store(ctypes.c_uint32, done, len(data))
        return S_OK if data else E_FAIL

    def _image_base(self, _this: int, path: int, out: int) -> int:
        name = _wide_string(path).rpartition("/")[2]
        return _store(ctypes.c_uint64, out, self._base) if name == self._name else E_FAIL

    def _thread_context(self, _this: int, tid: int, _flags: int, size: int, out: int) -> int:
        send(self._owner, Kind.CONTEXT, CONTEXT_BODY.pack(tid))
        _, record = receive(self._owner)
        if len(record) != contexts.SIZE or size < contexts.SIZE:
            return E_FAIL
        ctypes.memmove(out, record, len(record))
        return S_OK


def _store(kind: type[ctypes.c_uint32 | ctypes.c_uint64], place: int, value: int) -> int:
    kind.from_address(place).value = value
    return S_OK


def _wide_string(place: int) -> str:
    units: list[int] = []
    while len(units) < _NAME_LENGTH and (unit := ctypes.c_uint16.from_address(place + 2 * len(units)).value):
        units.append(unit)
    return "".join(map(chr, units))

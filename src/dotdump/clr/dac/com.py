"""COM by hand: objects of others called through their tables, and objects of ours that others can call.

A call is the plain calling convention with ``this`` first and a signed HRESULT back. Callbacks never raise: what goes
wrong in one is E_FAIL, for an exception that left it would look like success.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from dotdump.clr.dac.interfaces import IID_UNKNOWN
from dotdump.errors import DacFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ctypes import _CFunctionType

    from dotdump.clr.dac.interfaces import Interface, Method

S_OK = 0
E_NOTIMPL, E_NOINTERFACE, E_FAIL = (code - (1 << 32) for code in (0x80004001, 0x80004002, 0x80004005))
_KINDS = {"p": ctypes.c_void_p, "Q": ctypes.c_uint64, "I": ctypes.c_uint32}


class ComObject:
    """An object of somebody else at ``address``, of which ``interface`` is known."""

    def __init__(self, interface: Interface, address: int) -> None:
        self.address = address
        self._interface = interface
        self._table = ctypes.c_void_p.from_address(address).value or 0
        self._functions: dict[str, Callable[..., int]] = {}

    def hresult(self, name: str, *arguments: object) -> int:
        """Call a method and return its HRESULT, negative for a failure."""
        if name not in self._functions:
            method = self._interface.methods[name]
            place = ctypes.c_void_p.from_address(self._table + 8 * method.slot).value or 0
            self._functions[name] = _prototype(method)(place)
        return self._functions[name](self.address, *arguments)

    def call(self, name: str, *arguments: object) -> int:
        """Call a method and return its HRESULT; raises ``DacFailed`` for a failure."""
        result = self.hresult(name, *arguments)
        if result < 0:
            raise DacFailed(f"{name} of the DAC failed: HRESULT {result & 0xFFFFFFFF:#010x}")
        return result

    def obtain(self, name: str, interface: Interface, *arguments: object) -> ComObject | None:
        """Return the object that a method hands out through its last argument, or None where it fails."""
        place = ctypes.c_void_p()
        result = self.hresult(name, *arguments, ctypes.addressof(place))
        return ComObject(interface, place.value) if result >= 0 and place.value else None

    def query(self, interface: Interface) -> ComObject | None:
        """Return the same object by another of its interfaces, or None where it has not got it."""
        guid = ctypes.create_string_buffer(interface.guid, 16)
        return self.obtain("QueryInterface", interface, ctypes.addressof(guid))

    def release(self) -> None:
        """Give it back."""
        self.hresult("Release")


class ComServer:
    """An object of ours with several interfaces: of each the methods by name; others are not implemented.

    It lives as long as this does; counting references is left to Python.
    """

    def __init__(self, *faces: tuple[Interface, Mapping[str, Callable[..., int]]]) -> None:
        self._kept: list[object] = []
        self._faces: dict[bytes, int] = {}
        for interface, implemented in faces:
            self._faces[interface.guid] = self._face(interface, implemented)
        self.address = next(iter(self._faces.values()))
        self._faces[IID_UNKNOWN] = self.address

    def _face(self, interface: Interface, implemented: Mapping[str, Callable[..., int]]) -> int:
        table = (ctypes.c_void_p * interface.size)()
        unimplemented = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(lambda _this: E_NOTIMPL)
        for slot in range(interface.size):
            table[slot] = ctypes.cast(unimplemented, ctypes.c_void_p).value
        own: dict[str, Callable[..., int]] = {"QueryInterface": self._query, "AddRef": _count, "Release": _count}
        for name, function in (own | dict(implemented)).items():
            method = interface.methods[name]
            callback = _prototype(method)(_guarded(function))
            self._kept.append(callback)
            table[method.slot] = ctypes.cast(callback, ctypes.c_void_p).value
        face = (ctypes.c_void_p * 1)(ctypes.addressof(table))
        self._kept += [table, face, unimplemented]
        return ctypes.addressof(face)

    def _query(self, _this: int, guid: int, out: int) -> int:
        found = self._faces.get(ctypes.string_at(guid, 16), 0)
        ctypes.c_void_p.from_address(out).value = found
        return S_OK if found else E_NOINTERFACE


def _prototype(method: Method) -> type[_CFunctionType]:
    return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *(_KINDS[kind] for kind in method.arguments))


def _count(_this: int) -> int:
    return 1


def _guarded(function: Callable[..., int]) -> Callable[..., int]:
    def guarded(*arguments: int) -> int:
        try:
            return function(*arguments)
        except Exception:  # noqa: BLE001 - it would be printed, and the caller be told that all is well
            return E_FAIL

    return guarded

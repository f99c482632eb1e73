"""A session with the DAC inside the worker: what can be asked of it, by name, answered as plain JSON.

The DAC trusts every address that it is given and dies of a wrong one, so only what it handed out itself, or what its
owner has checked, is ever passed in. It is never unloaded: that crashes, too.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from dotdump import limits
from dotdump.clr.dac import contexts
from dotdump.clr.dac.com import ComObject
from dotdump.clr.dac.interfaces import HANDLES, PROCESS, SOS, STACK_REFERENCES, STACK_WALK, TASK
from dotdump.clr.dac.structures import HandleData, StackReference, ThreadData, ThreadStoreData
from dotdump.errors import DacFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.dac.remote_target import RemoteTarget

_PROCESS_ATTACH = 1
_ALL_FRAMES = 0xF
_REQUEST_FRAME = 0xF0000000
_NAME_UNITS = 8192
_BATCH = 256
_ALIGNMENT = 16


class Session:
    """The DAC at ``path``, loaded and looking at ``target``."""

    def __init__(self, path: str, target: RemoteTarget) -> None:
        self._target = target
        library = ctypes.CDLL(path)
        library.DllMain.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
        library.DllMain(library._handle, _PROCESS_ATTACH, None)  # noqa: SLF001 - its HMODULE is dlopen's handle
        create = library.CLRDataCreateInstance
        create.restype, create.argtypes = ctypes.c_int32, (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        guid, out = ctypes.create_string_buffer(PROCESS.guid, 16), ctypes.c_void_p()
        result = create(ctypes.addressof(guid), target.address, ctypes.addressof(out))
        if result < 0 or not out.value:
            raise DacFailed(f"the DAC refuses the target: HRESULT {result & 0xFFFFFFFF:#010x}")
        self._process = ComObject(PROCESS, out.value)
        sos = self._process.query(SOS)
        if sos is None:
            raise DacFailed("the DAC has no ISOSDacInterface")
        self._sos = sos
        self._names: dict[tuple[str, int], str] = {}

    def threads(self) -> list[dict[str, Any]]:
        """Return every thread as the fields of ``DacpThreadData``, with its address."""
        store = ThreadStoreData()
        self._sos.call("GetThreadStoreData", ctypes.addressof(store))
        found: list[dict[str, Any]] = []
        address = store.first_thread
        while address and len(found) < limits.MANAGED_THREADS:
            data = ThreadData()
            self._sos.call("GetThreadData", address, ctypes.addressof(data))
            found.append({"address": address, **_fields(data)})
            address = data.next_thread
        return found

    def stack(self, os_id: int, most: int) -> list[dict[str, Any]]:
        """Return the frames of a thread, the newest first: ``ip``, ``sp``, ``frame`` (0: managed), ``name``."""
        task = self._process.obtain("GetTaskByOSThreadID", TASK, os_id)
        if task is None:
            return []
        walk = task.obtain("CreateStackWalk", STACK_WALK, _ALL_FRAMES)
        task.release()
        if walk is None:
            raise DacFailed(f"the DAC cannot walk thread {os_id}")
        frames = [frame for frame in self._frames(walk, most) if frame["ip"] or frame["frame"]]
        walk.release()
        return frames

    def handles(self) -> list[dict[str, Any]]:
        """Return every GC handle as the fields of ``SOSHandleData``."""
        source = self._sos.obtain("GetHandleEnum", HANDLES)
        return list(_batches(source, HandleData)) if source is not None else []

    def stack_references(self, os_id: int) -> list[dict[str, Any]]:
        """Return what the stack of a thread refers to, as the fields of ``SOSStackRefData``."""
        source = self._sos.obtain("GetStackReferences", STACK_REFERENCES, os_id)
        return list(_batches(source, StackReference)) if source is not None else []

    def _frames(self, walk: ComObject, most: int) -> Iterator[dict[str, Any]]:
        buffer = ctypes.create_string_buffer(contexts.SIZE + _ALIGNMENT)
        record = ctypes.addressof(buffer) + _ALIGNMENT - 1 & -_ALIGNMENT
        size, frame = ctypes.c_uint32(), ctypes.c_uint64()
        for _ in range(most):
            wanted = (contexts.CONTROL_AND_INTEGERS, contexts.SIZE, ctypes.addressof(size), record)
            if walk.hresult("GetContext", *wanted) < 0:
                return
            ip, sp = (
                ctypes.c_uint64.from_address(record + offset).value
                for offset in (contexts.INSTRUCTION_POINTER, contexts.STACK_POINTER)
            )
            frame.value = 0
            request = walk.hresult("Request", _REQUEST_FRAME, 0, None, 8, ctypes.addressof(frame))
            place = frame.value if request >= 0 else 0
            yield {"ip": ip, "sp": sp, "frame": place, "name": self._frame_name(place) if place else self._method(ip)}
            if walk.hresult("Next"):
                return

    def _method(self, ip: int) -> str:
        method = ctypes.c_uint64()
        if self._sos.hresult("GetMethodDescPtrFromIP", ip, ctypes.addressof(method)) < 0 or not method.value:
            return ""
        return self._name("GetMethodDescName", method.value)

    def _frame_name(self, frame: int) -> str:
        """Return the name of an explicit Frame's class, which its first word tells."""
        word = int.from_bytes(self._target.read(frame, 8), "little")
        return self._name("GetFrameName", word)

    def _name(self, method: str, address: int) -> str:
        key = (method, address)
        if key not in self._names:
            buffer, needed = (ctypes.c_uint16 * _NAME_UNITS)(), ctypes.c_uint32()
            places = (ctypes.addressof(buffer), ctypes.addressof(needed))
            result = self._sos.hresult(method, address, _NAME_UNITS, *places)
            text = bytes(buffer).decode("utf-16-le", "replace").split("\0", 1)[0]
            self._names[key] = text if result >= 0 else ""
        return self._names[key]


def _batches(source: ComObject, kind: type[HandleData | StackReference]) -> Iterator[dict[str, Any]]:
    """Yield all that an enumerator gives: until it gives none, for a full batch may be called S_FALSE."""
    rows, fetched = (kind * _BATCH)(), ctypes.c_uint32()
    for _ in range(limits.HANDLES_IN_ALL // _BATCH):
        fetched.value = 0
        source.hresult("Next", _BATCH, ctypes.addressof(rows), ctypes.addressof(fetched))
        yield from (_fields(row) for row in rows[: fetched.value])
        if not fetched.value:
            break
    source.release()


def _fields(data: ctypes.Structure) -> dict[str, Any]:
    return {field[0]: getattr(data, field[0]) for field in data._fields_}

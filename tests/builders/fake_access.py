"""``DataAccess`` over fake memory that grows while it is read, with layouts of a test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builders.clr import FakeModule, FakeTarget
from dotdump.clr.data_access import DataAccess
from dotdump.clr.descriptor import Descriptor, FieldLayout, Global, TypeLayout
from dotdump.clr.runtime_module import RuntimeKind, RuntimeModule
from dotdump.memory.space import BytesSpace
from dotdump.target.model import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dotdump.memory.space import MemoryRange
    from dotdump.target.model import Architecture

Layout = dict[str, int | tuple[int, str]]
SIZE = "!"


class GrowingSpace:
    """What has been put into ``chunks`` so far."""

    def __init__(self, chunks: dict[int, bytes]) -> None:
        self._chunks = chunks

    def read(self, address: int, size: int) -> bytes:
        return BytesSpace(self._chunks.items()).read(address, size)

    def read_available(self, address: int, size: int) -> bytes:
        return BytesSpace(self._chunks.items()).read_available(address, size)

    def view(self, address: int, size: int) -> memoryview | None:
        return BytesSpace(self._chunks.items()).view(address, size)

    def ranges(self) -> Sequence[MemoryRange]:
        return BytesSpace(self._chunks.items()).ranges()


class GrowingTarget(FakeTarget):
    """A target that can be written to after it was opened."""

    @property
    def memory(self) -> GrowingSpace:  # type: ignore[override] # the same protocol
        return GrowingSpace(self.chunks)


def fake_access(
    layouts: Mapping[str, Layout],
    *,
    globals_: Mapping[str, int | str] | None = None,
    architecture: Architecture | None = None,
    version: str = "10.0.0",
) -> tuple[DataAccess, GrowingTarget]:
    """Return access to a target that is empty yet; a field is an offset, or an offset and a type, ``!`` the size."""
    module = FakeModule("/dotnet/libcoreclr.so", 0x7F0000000000, 0x7F0000080000)
    target = GrowingTarget(module)
    if architecture is not None:
        target.platform = Platform(architecture)
    descriptor = Descriptor(
        types={name: _layout(fields) for name, fields in layouts.items()},
        globals={name: Global(value) for name, value in (globals_ or {}).items()},
        contracts={},
    )
    return DataAccess(target, RuntimeModule(module, RuntimeKind.CORECLR), version, descriptor), target


def _layout(fields: Layout) -> TypeLayout:
    places = {
        name: FieldLayout(place, "pointer") if isinstance(place, int) else FieldLayout(*place)
        for name, place in fields.items()
        if name != SIZE
    }
    size = fields.get(SIZE)
    return TypeLayout(places, size if isinstance(size, int) else None)

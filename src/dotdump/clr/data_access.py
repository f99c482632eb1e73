"""``DataAccess``: a runtime's structures, read by name out of a target's memory.

Every contract is given one. It joins memory with layouts and knows neither what a structure means nor which
version of a runtime has which.
"""

from __future__ import annotations

from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING

from dotdump.clr.runtime_version import major_of
from dotdump.errors import UnsupportedRuntime
from dotdump.memory.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dotdump.clr.data.struct import Field
    from dotdump.clr.data.struct import Struct as View
    from dotdump.clr.descriptor import Descriptor, FieldLayout, Global
    from dotdump.clr.runtime_module import RuntimeModule
    from dotdump.target.model import Target

_U32, _I32, _U64, _I64 = Struct("<I"), Struct("<i"), Struct("<Q"), Struct("<q")
_FORMS = {
    **dict.fromkeys(("uint8", "bool"), Struct("<B")),
    "int8": Struct("<b"),
    "uint16": Struct("<H"),
    "int16": Struct("<h"),
    "uint32": _U32,
    "int32": _I32,
    "uint64": _U64,
    "int64": _I64,
}
_LARGEST_VIEW = 4096


class Places(dict["Field", tuple[int, int, Struct]]):
    """Where the fields of a view lie that the layouts know: offset, end, and the form of the integer.

    ``size`` is what one read of them all takes; 0 where it would be too much for a view.
    """

    def __init__(self, places: Mapping[Field, tuple[int, int, Struct]]) -> None:
        super().__init__(places)
        size = max((end for _, end, _ in places.values()), default=0)
        self.size = size if size <= _LARGEST_VIEW and all(start >= 0 for start, _, _ in places.values()) else 0


class DataAccess:
    """Reads fields and globals of the runtime ``module`` of ``target``, whose ``version`` is text such as ``8.0.4``.

    What the layouts do not name raises ``UnsupportedRuntime``; what cannot be read, ``MemoryFault``.
    """

    def __init__(self, target: Target, runtime: RuntimeModule, version: str, descriptor: Descriptor) -> None:
        self.target = target
        self.runtime = runtime
        self.version = version
        self.descriptor = descriptor
        self.reader = Reader(target.memory, target.platform.pointer_size)
        self._places: dict[type[View], Places] = {}

    @cached_property
    def major(self) -> int:
        """The first number of the version, 0 where it is not known."""
        return major_of(self.version)

    def has(self, type_name: str, *names: str) -> bool:
        """Return whether the layouts know the field under one of ``names``."""
        return self.descriptor.find_field(type_name, *names) is not None

    def offset(self, type_name: str, *names: str) -> int:
        """Return a field's offset, under the first of ``names`` that the layouts know."""
        return self._field(type_name, names).offset

    def size(self, type_name: str) -> int:
        """Return a type's size in bytes."""
        layout = self.descriptor.types.get(type_name)
        if layout is None or layout.size is None:
            raise UnsupportedRuntime(self.version, f"the size of {type_name}")
        return layout.size

    def pointer(self, address: int, type_name: str, *names: str) -> int:
        """Return the address that the field of the structure at ``address`` holds."""
        return self.reader.pointer(address + self._field(type_name, names).offset)

    def integer(self, address: int, type_name: str, *names: str, default: str = "") -> int:
        """Return the integer that the field holds, in the type that the layouts give, else ``default``."""
        field = self._field(type_name, names)
        return self._read(address + field.offset, field.type or default)

    def places_of(self, view: type[View]) -> Places:
        """Return where the fields of a kind of view lie."""
        found = self._places.get(view)
        if found is None:
            found = self._places[view] = Places(dict(self._found_places(view)))
        return found

    def has_global(self, name: str) -> bool:
        """Return whether the layouts know the global ``name``."""
        return name in self.descriptor.globals

    def global_address(self, name: str) -> int:
        """Return the address that the layouts give for ``name``: of a variable, or of the thing itself."""
        found = self._global(name)
        if not isinstance(found.value, int):
            raise UnsupportedRuntime(self.version, f"the address of {name}")
        return found.value

    def global_pointer(self, name: str) -> int:
        """Return the pointer that stands in the variable ``name``."""
        return self.reader.pointer(self.global_address(name))

    def global_integer(self, name: str, kind: str = "") -> int:
        """Return a literal, or the integer of type ``kind`` in the variable ``name``."""
        found = self._global(name)
        if not isinstance(found.value, int):
            raise UnsupportedRuntime(self.version, f"a number for {name}")
        return self._read(found.value, kind) if found.indirect else found.value

    def global_text(self, name: str, default: str = "") -> str:
        """Return the text that the layouts give for ``name``."""
        found = self.descriptor.globals.get(name)
        return default if found is None else str(found.value)

    def _found_places(self, view: type[View]) -> Iterator[tuple[Field, tuple[int, int, Struct]]]:
        for field in view.declared():
            found = self.descriptor.find_field(view.layout, *field.names)
            if found is not None:
                form = self._form(found.type or field.kind)
                yield field, (found.offset, found.offset + form.size, form)

    def _read(self, address: int, kind: str) -> int:
        form = self._form(kind)
        value: int = form.unpack(self.reader.memory.read(address, form.size))[0]
        return value

    def _form(self, kind: str) -> Struct:
        """Return the form of an integer of that type: of no other width than a pointer where that is not known."""
        known = _FORMS.get(kind)
        if known is None:
            unsigned, signed = (_U64, _I64) if self.reader.pointer_size == _U64.size else (_U32, _I32)
            return signed if kind == "nint" else unsigned
        return known

    def _field(self, type_name: str, names: tuple[str, ...]) -> FieldLayout:
        found = self.descriptor.find_field(type_name, *names)
        if found is None:
            raise UnsupportedRuntime(self.version, f"{type_name}.{'/'.join(names)}")
        return found

    def _global(self, name: str) -> Global:
        found = self.descriptor.globals.get(name)
        if found is None:
            cut = any(problem.kind == "cut" for problem in getattr(self.target, "problems", ()))
            raise UnsupportedRuntime(self.version, f"the global {name}", cut=cut)
        return found

"""Contract descriptors: the names, offsets, globals and contract versions that a runtime says of itself.

Knows the format and nothing of any structure described in it. Layouts of ours (``clr/layouts``) have the same form,
so a runtime's own descriptor and ours are merged into one, the runtime's own word first.

Source of truth: docs/design/datacontracts/{contract-descriptor,data_descriptor}.md of dotnet/runtime; the order of
the header's fields is that of 9.0 and 10.0, where it differs from the first; sub-descriptors and contract versions
as text are those of 11.
"""

from __future__ import annotations

from struct import Struct

from dotdump import limits
from dotdump.errors import FormatError, LimitExceeded
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dotdump.memory.reader import Reader

    Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

MAGIC = b"DNCCDAC\0"
_HEADER = Struct("<8sIIQIIQ")
_POINTERS_ARE_32_BIT = 2
_EMPTY_BASELINE = "empty"


@record
class FieldLayout:
    """A field ``offset`` bytes into its type; ``type`` is empty where the descriptor does not say."""

    offset: int
    type: str = ""


@record
class TypeLayout:
    """A structure's fields by name; ``size`` in bytes is None where it is indeterminate."""

    fields: Mapping[str, FieldLayout]
    size: int | None = None


@record
class Global:
    """A named value. ``indirect``: it stood in the pointer data, so it is an address in this process."""

    value: int | str
    type: str = ""
    indirect: bool = False


@record
class Descriptor:
    """Layouts as data. ``contracts`` maps a contract's name to its version as text, such as ``1`` or ``c1``."""

    types: Mapping[str, TypeLayout]
    globals: Mapping[str, Global]
    contracts: Mapping[str, str]
    sub_descriptors: Mapping[str, int] = {}
    baseline: str = _EMPTY_BASELINE

    def find_field(self, type_name: str, *names: str) -> FieldLayout | None:
        """Return the first field of ``type_name`` that is there under one of ``names``, or None."""
        layout = self.types.get(type_name)
        if layout is not None:
            for name in names:
                if name in layout.fields:
                    return layout.fields[name]
        return None


def read_descriptor(
    reader: Reader, address: int, *, find_baseline: Callable[[str], Descriptor | None] | None = None
) -> Descriptor:
    """Read the descriptor at ``address`` with all its sub-descriptors, merged; raises ``FormatError``, ``MemoryFault``.

    A sub-descriptor whose slot holds no address belongs to a part of the runtime that has not started; it is left out.
    """
    visited: set[int] = set()
    merged, waiting = _EMPTY, [address]
    while waiting:
        place = waiting.pop(0)
        if place in visited:
            continue
        visited.add(place)
        if len(visited) > limits.SUB_DESCRIPTORS:
            raise LimitExceeded(f"more than {limits.SUB_DESCRIPTORS} sub-descriptors", source=_name(address))
        one = _read_one(reader, place)
        baseline = _baseline(one, place, find_baseline)
        merged = merge(merged, one, *([baseline] if baseline else []))
        waiting.extend(target for slot in one.sub_descriptors.values() if slot and (target := reader.pointer(slot)))
    return merged


def parse_descriptor(data: bytes, pointers: Sequence[int] = (), *, source: str = "descriptor") -> Descriptor:
    """Return what the JSON text ``data`` says, its indirections resolved with ``pointers``; raises ``FormatError``."""
    document = _json(data, source)
    parse = _Parser(source, pointers)
    return Descriptor(
        types={name: parse.type(name, value) for name, value in parse.items(document, "types")},
        globals={name: parse.global_value(name, value) for name, value in parse.items(document, "globals")},
        contracts={name: parse.version(name, value) for name, value in parse.items(document, "contracts")},
        sub_descriptors={name: parse.address(name, value) for name, value in parse.items(document, "subDescriptors")},
        baseline=parse.text("baseline", document.get("baseline", _EMPTY_BASELINE)),
    )


def merge(*descriptors: Descriptor) -> Descriptor:
    """Return one descriptor in which every type, field, global and contract is that of the first who has it."""
    types: dict[str, TypeLayout] = {}
    values: dict[str, Global] = {}
    contracts: dict[str, str] = {}
    slots: dict[str, int] = {}
    for one in descriptors:
        for name, layout in one.types.items():
            types[name] = _merge_types(types[name], layout) if name in types else layout
        values = {**one.globals, **values}
        contracts = {**one.contracts, **contracts}
        slots = {**one.sub_descriptors, **slots}
    return Descriptor(types, values, contracts, slots)


_EMPTY = Descriptor({}, {}, {})


def _merge_types(first: TypeLayout, second: TypeLayout) -> TypeLayout:
    return TypeLayout({**second.fields, **first.fields}, second.size if first.size is None else first.size)


def _read_one(reader: Reader, address: int) -> Descriptor:
    source = _name(address)
    magic, flags, size, text, count, _, pointers = _HEADER.unpack(reader.memory.read(address, _HEADER.size))
    if magic != MAGIC:
        raise FormatError(f"magic is {magic!r}, not {MAGIC!r}", source=source, offset=0)
    if flags & _POINTERS_ARE_32_BIT:
        raise FormatError("it describes a 32-bit process", source=source, offset=8)
    for what, number, bound in (
        ("text", size, limits.DESCRIPTOR_TEXT),
        ("pointers", count, limits.DESCRIPTOR_POINTERS),
    ):
        if number > bound:
            raise LimitExceeded(f"{number} for its {what} is more than {bound}", source=source)
    data = memoryview(reader.memory.read(pointers, 8 * count)).cast("Q") if count else ()
    return parse_descriptor(reader.memory.read(text, size), data, source=source)


def _baseline(
    one: Descriptor, address: int, find_baseline: Callable[[str], Descriptor | None] | None
) -> Descriptor | None:
    if one.baseline in ("", _EMPTY_BASELINE):
        return None
    found = find_baseline(one.baseline) if find_baseline else None
    if found is None:
        raise FormatError(f"it builds on the baseline {one.baseline!r}, which is not known here", source=_name(address))
    return found


def _name(address: int) -> str:
    return f"contract descriptor at {address:#x}"


def _json(data: bytes, source: str) -> dict[str, Json]:
    import json

    try:
        document = json.loads(data.rstrip(b"\0"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"no JSON: {error}", source=source) from None
    if not isinstance(document, dict):
        raise FormatError("its JSON is no object", source=source)
    return document


class _Parser:
    """The values of a descriptor's JSON, each checked for its form; what is wrong is named by path."""

    def __init__(self, source: str, pointers: Sequence[int]) -> None:
        self.source = source
        self.pointers = pointers

    def items(self, document: dict[str, Json], key: str) -> Iterator[tuple[str, Json]]:
        value = document.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, value, "an object")
        return iter(value.items())

    def type(self, name: str, value: Json) -> TypeLayout:
        if not isinstance(value, dict):
            raise self._wrong(name, value, "an object")
        size = self._size(f"{name}.!", value["!"]) if "!" in value else None
        return TypeLayout({f: self._field(f"{name}.{f}", v) for f, v in value.items() if f != "!"}, size)

    def global_value(self, name: str, value: Json) -> Global:
        kind = ""
        if isinstance(value, list) and len(value) == 2:
            kind = self.text(name, value[1])
            value = value[0]
        if isinstance(value, list):
            return Global(self._pointer(name, value), kind, indirect=True)
        if isinstance(value, str) and kind == "string":
            return Global(value, kind)
        return Global(self._integer(name, value, or_text=not kind), kind)

    def address(self, name: str, value: Json) -> int:
        found = self.global_value(name, value)
        if not found.indirect or not isinstance(found.value, int):
            raise self._wrong(name, value, "an index into the pointer data")
        return found.value

    def version(self, name: str, value: Json) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self._wrong(name, value, "a version")
        return str(value)

    def text(self, name: str, value: Json) -> str:
        if not isinstance(value, str):
            raise self._wrong(name, value, "text")
        return value

    def _field(self, name: str, value: Json) -> FieldLayout:
        if isinstance(value, list) and len(value) == 2:
            return FieldLayout(self._offset(name, value[0]), self.text(name, value[1]))
        return FieldLayout(self._offset(name, value))

    def _pointer(self, name: str, value: list[Json]) -> int:
        index = self._integer(name, value[0]) if len(value) == 1 else None
        if not isinstance(index, int) or not 0 <= index < len(self.pointers):
            raise self._wrong(name, value, f"an index below {len(self.pointers)}")
        return self.pointers[index]

    def _size(self, name: str, value: Json) -> int:
        number = self._offset(name, value)
        if number <= 0:
            raise self._wrong(name, value, "a size")
        return number

    def _offset(self, name: str, value: Json) -> int:
        number = self._integer(name, value)
        if not isinstance(number, int) or not -limits.STRUCTURE_SIZE <= number <= limits.STRUCTURE_SIZE:
            raise self._wrong(name, value, "an offset")
        return number

    def _integer(self, name: str, value: Json, *, or_text: bool = False) -> int | str:
        if isinstance(value, str):
            try:
                value = int(value, 0)
            except ValueError:
                if or_text:
                    return value
        if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 64:
            raise self._wrong(name, value, "an integer of 64 bits")
        return value

    def _wrong(self, name: str, value: Json, expected: str) -> FormatError:
        return FormatError(f"{name} is {str(value)[:60]!r}, not {expected}", source=self.source)

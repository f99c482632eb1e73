"""Items of collections, and the fields of the library's own classes that lead to them, by any name they have had."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.value import ClrStruct
from dotdump.errors import FieldNotFound, FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dotdump.clr.model.array import ClrArray
    from dotdump.clr.model.value import Value

    Holding = tuple[int, Callable[[], Iterator["Item"]]]

SOURCE = "collection"


class Item(NamedTuple):
    """One entry: ``key`` is None in a collection without keys, and ``keyed`` False."""

    value: Value
    key: Value = None
    keyed: bool = False


def field_of(of: Value, *names: str) -> Value:
    """Return the value of the first field of ``names`` that an object or a struct has.

    Raises ``FieldNotFound`` where it has none of them.
    """
    if not isinstance(of, ClrObject | ClrStruct):
        raise FormatError(f"{of!r} has no fields", source=SOURCE)
    for name in names:
        if of.type.find_field(name) is not None:
            return of[name]
    raise FieldNotFound(of.type.name, names[0])


def number_of(of: Value, *names: str) -> int:
    """Return the value of such a field, which must be a number."""
    value = field_of(of, *names)
    if not isinstance(value, int):
        raise FormatError(f"{names[0]} is {value!r}", source=SOURCE)
    return value


def array_of(of: Value, *names: str) -> ClrArray | None:
    """Return the array that such a field refers to, or None."""
    value = field_of(of, *names)
    return value.array if isinstance(value, ClrObject) else None


def values_of(array: ClrArray | None, count: int | None = None) -> Iterator[Value]:
    """Yield the first ``count`` elements, all by default; none where there is no array."""
    if array is not None:
        yield from array.elements(0, None if count is None else max(0, count))


def items_of(array: ClrArray | None, count: int | None = None) -> Iterator[Item]:
    """Yield the same as items without keys."""
    return map(Item, values_of(array, count))


def pair_of(of: Value, key: str, value: str) -> Item:
    """Return what an object or a struct is a pair of, by the names of its fields."""
    return Item(field_of(of, value), field_of(of, key), keyed=True)


def pairs_of(found: Iterable[Value], key: str, value: str) -> Iterator[Item]:
    """Yield what each of several is a pair of."""
    return (pair_of(each, key, value) for each in found)


def side_by_side(keys: ClrArray | None, values: ClrArray | None, count: int | None = None) -> Iterator[Item]:
    """Yield pairs whose keys and values are in an array each."""
    both = zip(values_of(keys, count), values_of(values, count), strict=False)
    return (Item(value, key, keyed=True) for key, value in both)

"""Collections as what they hold: the items of a ``List``, the pairs of a ``Dictionary``, the text of a builder.

The fields behind them are the library's own affair: each kind is read by name, under the names it has had since 3.1,
and what does not look as expected is no collection. Items are counted and cut by whoever asks.
Source of truth: the classes in System.Private.CoreLib, System.Collections and System.Collections.Concurrent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dotdump.analysis import array_collections as arrays
from dotdump.analysis import node_collections as nodes
from dotdump.analysis.collection_items import field_of, items_of
from dotdump.clr.model.object import ClrObject
from dotdump.errors import FieldNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.analysis.collection_items import Holding, Item


@dataclass(frozen=True)
class Collection:
    """What an object holds: ``count`` items, as it says itself; ``items`` makes a new iterator each time."""

    kind: str
    count: int
    items: Callable[[], Iterator[Item]]


def find_collection(found: ClrObject) -> Collection | None:
    """Return what ``found`` holds, None where it is no collection known here.

    Raises ``FormatError`` and ``MemoryFault`` where it is one, and damaged; so do its ``items``.
    """
    for kind in found.type.hierarchy:
        stem = kind.name.partition("<")[0]
        reader = _READERS.get(stem)
        if reader is not None:
            try:
                return Collection(stem.rpartition(".")[2], *reader(found))
            except FieldNotFound:
                return None
    return None


def _wrapper(field: str) -> Callable[[ClrObject], Holding]:
    """Return what reads a collection that wraps the array or the collection in ``field``."""

    def read(found: ClrObject) -> Holding:
        inner = field_of(found, field)
        if not isinstance(inner, ClrObject):
            return 0, lambda: iter(())
        array = inner.array
        if array is not None:
            return len(array), lambda: items_of(array)
        held = find_collection(inner)
        if held is None:
            raise FieldNotFound(inner.type.name, field)
        return held.count, held.items

    return read


_GENERIC = "System.Collections.Generic."
_CONCURRENT = "System.Collections.Concurrent."
_READERS: dict[str, Callable[[ClrObject], Holding]] = {
    f"{_GENERIC}List": arrays.read_list,
    f"{_GENERIC}Stack": arrays.read_stack,
    f"{_GENERIC}Queue": arrays.read_queue,
    f"{_GENERIC}Dictionary": arrays.read_dictionary,
    f"{_GENERIC}HashSet": arrays.read_hash_set,
    f"{_GENERIC}LinkedList": nodes.read_linked_list,
    f"{_GENERIC}SortedSet": nodes.read_sorted_set,
    f"{_GENERIC}SortedDictionary": nodes.read_sorted_dictionary,
    f"{_GENERIC}SortedList": arrays.read_sorted_list,
    f"{_GENERIC}PriorityQueue": arrays.read_priority_queue,
    f"{_CONCURRENT}ConcurrentDictionary": nodes.read_concurrent_dictionary,
    f"{_CONCURRENT}ConcurrentQueue": nodes.read_concurrent_queue,
    f"{_CONCURRENT}ConcurrentStack": nodes.read_concurrent_stack,
    f"{_CONCURRENT}BlockingCollection": _wrapper("_collection"),
    "System.Collections.ArrayList": arrays.read_list,
    "System.Collections.Hashtable": arrays.read_hashtable,
    "System.Collections.Queue": arrays.read_queue,
    "System.Collections.Stack": arrays.read_stack,
    "System.Collections.ObjectModel.Collection": _wrapper("items"),
    "System.Collections.ObjectModel.ReadOnlyCollection": _wrapper("list"),
    "System.Collections.ObjectModel.ReadOnlyDictionary": _wrapper("m_dictionary"),
    "System.Collections.Immutable.ImmutableArray": arrays.read_immutable_array,
    "System.Collections.Immutable.ImmutableList": nodes.read_immutable_list,
    "System.Text.StringBuilder": nodes.read_string_builder,
}
"""The definition of a collection to what reads it; types that derive from one are read as it."""

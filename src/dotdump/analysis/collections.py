"""Collections as what they hold: the items of a ``List``, the pairs of a ``Dictionary``, the text of a builder.

The fields behind them are the library's own affair: each kind is read by name, under the names it has had since 3.1,
and what does not look as expected is no collection. Items are counted and cut by whoever asks.
Source of truth: the classes in System.Private.CoreLib, System.Collections, .Concurrent, .Immutable and .Specialized,
and System.Threading.Channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dotdump.analysis import array_collections as arrays
from dotdump.analysis import immutable_collections as immutable
from dotdump.analysis import node_collections as nodes
from dotdump.analysis.collection_items import SOURCE, field_of, items_of
from dotdump.clr.model.object import ClrObject
from dotdump.errors import FieldNotFound, FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.analysis.collection_items import Holding, Item


TEXT = "StringBuilder"
"""The kind of a collection that is text."""


@dataclass(frozen=True)
class Collection:
    """What an object holds: ``count`` items, as it says itself; ``items`` makes a new iterator each time."""

    kind: str
    count: int
    items: Callable[[], Iterator[Item]]

    @property
    def is_text(self) -> bool:
        """Whether it counts characters, which are one item."""
        return self.kind == TEXT


def find_collection(found: ClrObject) -> Collection | None:
    """Return what ``found`` holds, None where it is no collection known here.

    Raises ``FormatError`` and ``MemoryFault`` where it is one, and damaged; so do its ``items``.
    """
    stem = _stem_of(found)
    try:
        holding = _read(found)
    except FieldNotFound:
        return None
    return Collection(stem.rpartition(".")[2], *holding) if holding is not None else None


def _stem_of(found: ClrObject) -> str:
    """Return the definition of the collection that an object is or derives from; empty where it is none."""
    stems = (kind.name.partition("<")[0] for kind in found.type.hierarchy)
    return next((stem for stem in stems if stem in _READERS or stem in _WRAPPERS), "")


def _read(found: ClrObject) -> Holding | None:
    """Return what a collection holds or, of one that wraps an array or another collection, what that holds."""
    seen: set[int] = set()
    while (field := _WRAPPERS.get(stem := _stem_of(found))) is not None:
        if found.address in seen:
            raise FormatError(f"collections from {found.address:#x} on wrap each other", source=SOURCE)
        seen.add(found.address)
        inner = field_of(found, field)
        if not isinstance(inner, ClrObject):
            return 0, partial(iter, ())
        array = inner.array
        if array is not None:
            return len(array), partial(items_of, array)
        found = inner
    return _READERS[stem](found) if stem else None


_GENERIC = "System.Collections.Generic."
_CONCURRENT = "System.Collections.Concurrent."
_IMMUTABLE = "System.Collections.Immutable.Immutable"
_SPECIALIZED = "System.Collections.Specialized."
_CHANNELS = "System.Threading.Channels."
_READERS: dict[str, Callable[[ClrObject], Holding]] = {
    f"{_GENERIC}Deque": arrays.read_queue,
    f"{_GENERIC}List": arrays.read_list,
    f"{_GENERIC}OrderedDictionary": arrays.read_ordered_dictionary,
    f"{_GENERIC}Stack": arrays.read_stack,
    f"{_GENERIC}Queue": arrays.read_queue,
    f"{_GENERIC}Dictionary": arrays.read_dictionary,
    f"{_GENERIC}HashSet": arrays.read_hash_set,
    f"{_GENERIC}LinkedList": nodes.read_linked_list,
    f"{_GENERIC}SortedSet": nodes.read_sorted_set,
    f"{_GENERIC}SortedDictionary": nodes.read_sorted_dictionary,
    f"{_GENERIC}SortedList": arrays.read_sorted_list,
    f"{_GENERIC}PriorityQueue": arrays.read_priority_queue,
    f"{_CONCURRENT}ConcurrentBag": nodes.read_concurrent_bag,
    f"{_CONCURRENT}ConcurrentDictionary": nodes.read_concurrent_dictionary,
    f"{_CONCURRENT}ConcurrentQueue": nodes.read_concurrent_queue,
    f"{_CONCURRENT}ConcurrentStack": nodes.read_concurrent_stack,
    "System.Collections.ArrayList": arrays.read_list,
    "System.Collections.BitArray": arrays.read_bit_array,
    "System.Collections.Hashtable": arrays.read_hashtable,
    "System.Collections.Queue": arrays.read_queue,
    "System.Collections.Stack": arrays.read_stack,
    "System.Collections.ListDictionaryInternal": nodes.read_list_dictionary,
    f"{_SPECIALIZED}ListDictionary": nodes.read_list_dictionary,
    f"{_SPECIALIZED}NameObjectCollectionBase": arrays.read_entries,
    f"{_SPECIALIZED}OrderedDictionary": arrays.read_entries,
    f"{_IMMUTABLE}Array": immutable.read_immutable_array,
    f"{_IMMUTABLE}Dictionary": immutable.read_immutable_dictionary,
    f"{_IMMUTABLE}HashSet": immutable.read_immutable_hash_set,
    f"{_IMMUTABLE}List": immutable.read_immutable_list,
    f"{_IMMUTABLE}Queue": immutable.read_immutable_queue,
    f"{_IMMUTABLE}SortedDictionary": immutable.read_immutable_sorted_dictionary,
    f"{_IMMUTABLE}SortedSet": immutable.read_immutable_list,
    f"{_IMMUTABLE}Stack": immutable.read_immutable_stack,
    "System.Collections.Frozen.FrozenDictionary": immutable.read_frozen_dictionary,
    "System.Collections.Frozen.FrozenSet": immutable.read_frozen_set,
    "System.Runtime.CompilerServices.ConditionalWeakTable": arrays.read_weak_table,
    "System.Threading.ThreadLocal": nodes.read_thread_local,
    f"System.Text.{TEXT}": nodes.read_string_builder,
}
"""The definition of a collection to what reads it; types that derive from one are read as it."""

_WRAPPERS = {
    f"{_CONCURRENT}BlockingCollection": "_collection",
    "System.Collections.ObjectModel.Collection": "items",
    "System.Collections.ObjectModel.ReadOnlyCollection": "list",
    "System.Collections.ObjectModel.ReadOnlyDictionary": "m_dictionary",
    "System.Collections.ObjectModel.ReadOnlySet": "_set",
    f"{_SPECIALIZED}StringCollection": "data",
    f"{_CHANNELS}BoundedChannel": "_items",
    f"{_CHANNELS}UnboundedChannel": "_items",
}
"""The definition of a collection to the field with the array or the collection that it wraps."""

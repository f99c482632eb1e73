"""Collections whose items hang together as nodes, in chains and trees, and ``StringBuilder``, whose pieces do."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.analysis.collection_items import SOURCE, Item, array_of, field_of, number_of, pair_of, pairs_of, values_of
from dotdump.analysis.comparison import compare
from dotdump.analysis.times import TIMES
from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.value import ClrStruct
from dotdump.errors import FieldNotFound, FormatError, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.collection_items import Holding
    from dotdump.clr.model.value import Value

_UNDERLYING = "_underlying"
_ORDERED = (int, float, Decimal, *TIMES)
_OWN_ORDER = ("System.Collections.Generic.GenericComparer<", "System.Collections.Generic.EnumComparer<")
"""Comparers that ask the values themselves."""


def read_concurrent_dictionary(found: ClrObject) -> Holding:
    """Read ``ConcurrentDictionary``: buckets of chains."""
    tables = field_of(found, "_tables")
    counts, buckets = array_of(tables, "_countPerLock"), array_of(tables, "_buckets")

    def pairs() -> Iterator[Item]:
        for bucket in values_of(buckets):
            node = field_of(bucket, "_node") if isinstance(bucket, ClrStruct) else bucket
            for each in chain(node, "_next"):
                yield pair_of(each, "_key", "_value")

    return sum(count for count in values_of(counts) if isinstance(count, int)), pairs


def read_concurrent_queue(found: ClrObject) -> Holding:
    """Read ``ConcurrentQueue``: segments of rings."""
    segments = list(chain(field_of(found, "_head"), "_nextSegment"))
    return sum(_slots_in_use(segment)[1] for segment in segments), lambda: _of_segments(segments)


def _of_segments(segments: list[ClrObject]) -> Iterator[Item]:
    for segment in segments:
        slots, (head, count) = array_of(segment, "_slots"), _slots_in_use(segment)
        if slots is not None:
            for number in range(head, head + count):
                yield Item(field_of(slots[number % len(slots)], "Item"))


def _slots_in_use(segment: ClrObject) -> tuple[int, int]:
    """Return from which slot on so many are in use."""
    ends, slots = field_of(segment, "_headAndTail"), array_of(segment, "_slots")
    head, tail = number_of(ends, "Head"), number_of(ends, "Tail")
    frozen = field_of(segment, "_frozenForEnqueues")
    length = len(slots) if slots is not None else 0
    return head, min(length, max(0, tail - head - (2 * length if frozen else 0)))


def read_concurrent_stack(found: ClrObject) -> Holding:
    """Read ``ConcurrentStack``, the top first."""
    nodes = list(chain(field_of(found, "_head"), "_next"))
    return len(nodes), lambda: (Item(field_of(node, "_value")) for node in nodes)


def read_thread_local(found: ClrObject) -> Holding:
    """Read the values of ``ThreadLocal``, of each thread that has one; the first node has none."""
    nodes = list(chain(field_of(found, "_linkedSlot"), "_next"))[1:]
    return len(nodes), lambda: (Item(field_of(node, "_value")) for node in nodes)


def read_linked_list(found: ClrObject) -> Holding:
    """Read ``LinkedList``, whose last node leads to the first."""
    count = number_of(found, "count")

    def items() -> Iterator[Item]:
        for number, node in enumerate(chain(field_of(found, "head"), "next", closed=True)):
            if number >= count:
                return
            yield Item(field_of(node, "item"))

    return count, items


def read_sorted_set(found: ClrObject) -> Holding:
    """Read ``SortedSet``; of a view of one what lies between its bounds, as it says itself only when it is asked.

    A view whose order only its comparer knows, as that of texts, is no collection: raises ``FieldNotFound``.
    """
    if found.type.find_field(_UNDERLYING) is None:
        return number_of(found, "count"), lambda: map(Item, _of_set(found))
    items = list(_of_view(found))
    return len(items), lambda: map(Item, items)


def _of_set(found: Value) -> Iterator[Value]:
    return (field_of(node, "Item") for node in tree(field_of(found, "root")))


def _of_view(view: ClrObject) -> Iterator[Value]:
    whole = field_of(view, _UNDERLYING)
    bounds = [(">=", "_min", "_lBoundActive"), ("<=", "_max", "_uBoundActive")]
    limits = [(operator, field_of(view, bound)) for operator, bound, active in bounds if field_of(view, active)]
    comparer = field_of(whole, "comparer")
    known = isinstance(comparer, ClrObject) and comparer.type.name.startswith(_OWN_ORDER)
    if not known or not all(isinstance(bound, _ORDERED) for _, bound in limits):
        raise FieldNotFound(view.type.name, "an order that is known")
    return (item for item in _of_set(whole) if all(compare(operator, item, bound) for operator, bound in limits))


def read_sorted_dictionary(found: ClrObject) -> Holding:
    """Read ``SortedDictionary``, a set of pairs."""
    members = field_of(found, "_set")
    return number_of(members, "count"), lambda: pairs_of(_of_set(members), "key", "value")


def read_concurrent_bag(found: ClrObject) -> Holding:
    """Read ``ConcurrentBag``: a ring for each thread that has added to it."""
    rings = [
        (*_ends(each), array_of(each, "_array")) for each in chain(field_of(found, "_workStealingQueues"), "_nextQueue")
    ]

    def items() -> Iterator[Item]:
        for head, used, slots in rings:
            if slots is not None:
                yield from (Item(slots[number % len(slots)]) for number in range(head, head + used))

    return sum(used for _, used, _ in rings), items


def _ends(ring: ClrObject) -> tuple[int, int]:
    """Return where a ring begins, and how many are in it."""
    head, tail, slots = number_of(ring, "_headIndex"), number_of(ring, "_tailIndex"), array_of(ring, "_array")
    return head, min(max(0, tail - head), len(slots) if slots is not None else 0)


def read_list_dictionary(found: ClrObject) -> Holding:
    """Read ``ListDictionary``, and the one that ``Exception.Data`` is: a chain of pairs."""
    nodes = list(chain(field_of(found, "head"), "next"))
    return number_of(found, "count"), lambda: pairs_of(nodes, "key", "value")


def read_string_builder(found: ClrObject) -> Holding:
    """Read ``StringBuilder`` as one item, its text."""
    text = _builder_text(found)
    return len(text), lambda: iter((Item(text),))


def _builder_text(found: ClrObject) -> str:
    """Return the text of a ``StringBuilder``, whose pieces hang together from the last to the first."""
    pieces: list[str] = []
    left = limits.BUILDER_TEXT
    reader = found.heap.access.reader
    for chunk in chain(found, "m_ChunkPrevious"):
        characters = array_of(chunk, "m_ChunkChars")
        length = min(number_of(chunk, "m_ChunkLength"), len(characters) if characters is not None else 0)
        left -= max(length, 1)
        if left < 0:
            raise LimitExceeded(f"more than {limits.BUILDER_TEXT:,} characters", source=SOURCE)
        if characters is not None and length > 0:
            pieces.append(reader.utf16(characters.address_of(0), length))
    return "".join(reversed(pieces))


def chain(first: Value, following: str, *, closed: bool = False) -> Iterator[ClrObject]:
    """Yield nodes that hang together; a ring is an error unless it is ``closed`` by its making, and ends there."""
    seen: set[int] = set()
    node = first
    while isinstance(node, ClrObject):
        if node.address in seen:
            if closed:
                return
            raise FormatError(f"nodes from {node.address:#x} on form a ring", source=SOURCE)
        seen.add(node.address)
        yield node
        node = field_of(node, following)


def tree(root: Value, left: str = "Left", right: str = "Right", empty: str = "") -> Iterator[ClrObject]:
    """Yield the nodes of a binary tree in order; one of height 0 in the field ``empty`` stands for none."""
    waiting: list[ClrObject] = []
    seen: set[int] = set()
    node = root
    while waiting or isinstance(node, ClrObject):
        while isinstance(node, ClrObject) and not (empty and number_of(node, empty) == 0):
            if node.address in seen:
                raise FormatError(f"the tree below {node.address:#x} is a ring", source=SOURCE)
            seen.add(node.address)
            waiting.append(node)
            node = field_of(node, left)
        if not waiting:
            return
        found = waiting.pop()
        yield found
        node = field_of(found, right)

# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False, cdivision=True
"""Ways from roots to objects: references turned round, one way from each root, ways grouped by shape, shared or not.

A graph is ``edge_offsets`` and ``edge_targets``: the targets of node i stand from ``edge_offsets[i]`` up to
``edge_offsets[i + 1]``. ``parents`` are those of ``traversal.find_parents``.

A *shape* is a way told by types: a root's group, and the type of each node down to the last. A type that repeats is
told once, and so are two that take turns, so that lists and trees of any length have one shape.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.kernels import Column

SHARED = 1
"""Colour of a node that more than one group of roots reaches. 0 is unreached, g + 2 reached by group g alone."""

OTHER = 0
"""The shape of all ways for which there was no room."""

ROOT_BIT = 0x80000000
"""In ``above``: not another shape, but the group of a root."""


def count_referrers(edge_targets: Sequence[int], offsets: Column) -> int:
    """Set ``offsets``, which must be zero, to where the referrers of each node will end; return how many there are."""
    edge = 0
    edges = len(edge_targets)
    while edge < edges:
        offsets[edge_targets[edge]] += 1
        edge = edge + 1
    total = 0
    node = 0
    nodes = len(offsets) - 1
    while node < nodes:
        total = total + offsets[node]
        offsets[node] = total
        node = node + 1
    offsets[nodes] = total
    return total


def list_referrers(
    edge_offsets: Sequence[int], edge_targets: Sequence[int], offsets: Column, referrers: Column
) -> None:
    """Write the referrers that ``count_referrers`` counted; ``offsets[v]`` becomes where those of v start."""
    source = len(edge_offsets) - 1
    while source > 0:
        source = source - 1
        edge = edge_offsets[source + 1]
        start = edge_offsets[source]
        while edge > start:
            edge = edge - 1
            place = offsets[edge_targets[edge]] - 1
            offsets[edge_targets[edge]] = place
            referrers[place] = source


def find_ways(
    target: int,
    parents: Sequence[int],
    offsets: Sequence[int],
    referrers: Sequence[int],
    following: Column,
    queue: Column,
    roots: Column,
) -> int:
    """Write into ``roots`` the roots that lead to ``target``, nearest first, as many as fit; return how many.

    ``following``, which must be zero, is two more than the next node on the way down; 1 for the target. No way goes
    through another root.
    """
    head = 0
    tail = 1
    count = 0
    room = len(roots)
    queue[0] = target
    following[target] = 1
    while head < tail and count < room:
        node = queue[head]
        head = head + 1
        if parents[node] == 1:
            roots[count] = node
            count = count + 1
            if node != target:
                continue
        place = offsets[node]
        end = offsets[node + 1]
        while place < end:
            source = referrers[place]
            place = place + 1
            if following[source] == 0 and parents[source] != 0:
                following[source] = node + 2
                queue[tail] = source
                tail = tail + 1
    return count


def colour(
    roots: Sequence[int],
    group: int,
    lowest: int,
    edge_offsets: Sequence[int],
    edge_targets: Sequence[int],
    colours: Column,
    queue: Column,
) -> int:
    """Give ``roots`` and all that they reach the colour ``group + 2``, or ``SHARED`` where they have another.

    Colours below ``lowest`` are left as they are, and nothing is followed through them. Return how many were visited.
    """
    nodes = len(edge_offsets) - 1
    own = group + 2
    tail = 0
    index = 0
    while index < len(roots):
        node = roots[index]
        index = index + 1
        if node < nodes and (colours[node] == 0 or (colours[node] >= lowest and colours[node] != own)):
            colours[node] = own if colours[node] == 0 else _SHARED
            queue[tail] = node
            tail = tail + 1
    head = 0
    while head < tail:
        node = queue[head]
        head = head + 1
        edge = edge_offsets[node]
        end = edge_offsets[node + 1]
        while edge < end:
            target = edge_targets[edge]
            edge = edge + 1
            if colours[target] == 0 or (colours[target] >= lowest and colours[target] != own):
                colours[target] = own if colours[target] == 0 else _SHARED
                queue[tail] = target
                tail = tail + 1
    return tail


def add_colours(colours: Sequence[int], sizes: Sequence[int], counts: Column, totals: Column) -> None:
    """Add nodes and bytes of each colour to ``counts`` and ``totals``."""
    row = 0
    rows = len(colours)
    while row < rows:
        counts[colours[row]] += 1
        totals[colours[row]] += sizes[row]
        row = row + 1


def group_ways(
    first: int,
    last: int,
    wanted: Sequence[int],
    parents: Sequence[int],
    type_ids: Sequence[int],
    sizes: Sequence[int],
    shapes: Column,
    stack: Column,
    table: Column,
    above: Column,
    kinds: Column,
    counts: Column,
    totals: Column,
    examples: Column,
    state: Column,
) -> int:
    """Add the nodes ``[first, last)`` that are ``wanted`` (by type) and reached to the shapes of their ways.

    ``shapes`` is 0 where not known yet, else one more than a shape; those of roots
    must be set to one more than their group, with ``ROOT_BIT``. ``above``, ``kinds``, ``counts``, ``totals`` and
    ``examples`` are by shape; ``state[0]`` is how many shapes there are, shape 0 being ``OTHER``. ``table`` is a hash
    table of shapes, 0 where free, longer than twice ``above``, its length a power of two. Return how many nodes.
    """
    found = 0
    row = first
    while row < last:
        node = row
        row = row + 1
        if wanted[type_ids[node]] == 0 or parents[node] == 0:
            continue
        shape = _shape_of(node, parents, type_ids, shapes, stack, table, above, kinds, state)
        counts[shape] += 1
        totals[shape] += sizes[node]
        if counts[shape] == 1:
            examples[shape] = node
        found = found + 1
    return found


def _shape_of(
    node: int,
    parents: Sequence[int],
    type_ids: Sequence[int],
    shapes: Column,
    stack: Column,
    table: Column,
    above: Column,
    kinds: Column,
    state: Column,
) -> int:
    """Return the shape of the way to ``node``: climb to where it is known, and come back down."""
    depth = 0
    nodes = len(parents)
    while shapes[node] == 0 and parents[node] > 1 and depth < nodes:
        stack[depth] = node
        depth = depth + 1
        node = parents[node] - 2
    shape = shapes[node]
    if shape == 0:
        shape = 1
    elif shape & _ROOT_BIT:
        shape = _enter(shape - 1, type_ids[node], table, above, kinds, state) + 1
        shapes[node] = shape
    while depth > 0:
        depth = depth - 1
        node = stack[depth]
        if shape != 1:
            shape = _step(shape - 1, type_ids[node], table, above, kinds, state) + 1
        shapes[node] = shape
    return shape - 1


def _step(shape: int, kind: int, table: Column, above: Column, kinds: Column, state: Column) -> int:
    """Return the shape that goes on from ``shape`` with a node of type ``kind``."""
    if kinds[shape] == kind:
        return shape
    upper = above[shape]
    if upper & _ROOT_BIT == 0 and kinds[upper] == kind:
        top = above[upper]
        if top & _ROOT_BIT == 0 and kinds[top] == kinds[shape]:
            return upper
    return _enter(shape, kind, table, above, kinds, state)


def _enter(upper: int, kind: int, table: Column, above: Column, kinds: Column, state: Column) -> int:
    """Return the shape below ``upper`` whose last type is ``kind``; ``OTHER`` where there is no room for another."""
    mask = len(table) - 1
    slot = ((upper * _FIRST & _ALL) + (kind * _SECOND & _ALL) & _ALL) >> 32 & mask
    while table[slot] != 0:
        shape = table[slot]
        if above[shape] == upper and kinds[shape] == kind:
            return shape
        slot = (slot + 1) & mask
    shape = state[0]
    if shape >= len(above):
        return _OTHER
    state[0] = shape + 1
    table[slot] = shape
    above[shape] = upper
    kinds[shape] = kind
    return shape


_SHARED = SHARED
_OTHER = OTHER
_ROOT_BIT = ROOT_BIT
_FIRST = 0x9E3779B97F4A7C15
_SECOND = 0xC2B2AE3D27D4EB4F
_ALL = 0xFFFFFFFFFFFFFFFF

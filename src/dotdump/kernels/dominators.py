# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False, cdivision=True
"""Immediate dominators of a graph, and what each object retains.

Lengauer and Tarjan, "A fast algorithm for finding dominators in a flowgraph" (1979), the simple version: path
compression without balancing, O(m log n) on any graph. No recursion: chains are as long as heaps are large.

A graph is ``edge_offsets`` and ``edge_targets``: the targets of node i stand from ``edge_offsets[i]`` up to
``edge_offsets[i + 1]``. Depth-first numbers start at 1; 0 is a node above all roots. Columns have one row more than
there are nodes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.kernels import Column

NONE = 0xFFFFFFFF
"""No node."""

ROOT = 0xFFFFFFFE
"""The node above all roots."""


def number_depth_first(
    roots: Sequence[int],
    edge_offsets: Sequence[int],
    edge_targets: Sequence[int],
    numbers: Column,
    order: Column,
    parents: Column,
    cursors: Column,
) -> int:
    """Give numbers to all that ``roots`` reach; return the highest.

    ``numbers`` by node must be zero and is 0 where unreached; ``order`` is the node and ``parents`` the parent's
    number, both by number; ``cursors`` is scratch.
    """
    nodes = len(edge_offsets) - 1
    highest = 0
    index = 0
    while index < len(roots):
        node = roots[index]
        index = index + 1
        if node >= nodes or numbers[node] != 0:
            continue
        highest = highest + 1
        numbers[node] = highest
        order[highest] = node
        parents[highest] = 0
        cursors[highest] = edge_offsets[node]
        current = highest
        end = edge_offsets[node + 1]
        while current != 0:
            cursor = cursors[current]
            if cursor >= end:
                current = parents[current]
                if current != 0:
                    end = edge_offsets[order[current] + 1]
                continue
            cursors[current] = cursor + 1
            node = edge_targets[cursor]
            if numbers[node] == 0:
                highest = highest + 1
                numbers[node] = highest
                order[highest] = node
                parents[highest] = current
                cursors[highest] = edge_offsets[node]
                current = highest
                end = edge_offsets[node + 1]
    return highest


def count_predecessors(
    highest: int,
    edge_offsets: Sequence[int],
    edge_targets: Sequence[int],
    numbers: Sequence[int],
    order: Sequence[int],
    parents: Sequence[int],
    offsets: Column,
) -> int:
    """Set ``offsets[v]`` to where the predecessors of number v will end that are not its parent; return how many."""
    source = 1
    while source <= highest:
        edge = edge_offsets[order[source]]
        end = edge_offsets[order[source] + 1]
        while edge < end:
            target = numbers[edge_targets[edge]]
            if parents[target] != source and target != source:
                offsets[target] += 1
            edge = edge + 1
        source = source + 1
    total = 0
    source = 1
    while source <= highest:
        total = total + offsets[source]
        offsets[source] = total
        source = source + 1
    return total


def list_predecessors(
    highest: int,
    edge_offsets: Sequence[int],
    edge_targets: Sequence[int],
    numbers: Sequence[int],
    order: Sequence[int],
    parents: Sequence[int],
    offsets: Column,
    predecessors: Column,
) -> None:
    """Write the predecessors that ``count_predecessors`` counted; ``offsets[v]`` becomes where they start."""
    source = highest
    while source >= 1:
        edge = edge_offsets[order[source]]
        end = edge_offsets[order[source] + 1]
        while edge < end:
            target = numbers[edge_targets[edge]]
            if parents[target] != source and target != source:
                place = offsets[target] - 1
                offsets[target] = place
                predecessors[place] = source
            edge = edge + 1
        source = source - 1


def find_dominators(
    highest: int,
    total: int,
    ancestors: Column,
    offsets: Sequence[int],
    predecessors: Sequence[int],
    semi: Column,
    label: Column,
    dominators: Column,
) -> None:
    """Set ``dominators`` by number, 0 being the node above; everything else but ``offsets`` is used up.

    ``ancestors`` and ``semi`` are the parents, but ``semi`` is 0 for roots; ``label`` is zero; ``total`` is how many
    ``predecessors`` there are. A number is linked once it has been passed; until then its label is the head of the
    list of those whose semidominator it is, and ``dominators`` holds that list's links.
    """
    current = highest
    while current >= 1:
        parent = ancestors[current]
        best = semi[current]
        place = offsets[current]
        end = offsets[current + 1] if current < highest else total
        while place < end:
            source = predecessors[place]
            if source > current:
                source = semi[_lowest_label(source, current + 1, ancestors, semi, label)]
            best = min(best, source)
            place = place + 1
        semi[current] = best
        if best == parent or not best:
            dominators[current] = best
        else:
            dominators[current] = label[best]
            label[best] = current
        label[current] = current
        if parent != 0:
            _settle(parent, current, ancestors, semi, label, dominators)
        current = current - 1
    current = 1
    while current <= highest:
        if dominators[current] != semi[current]:
            dominators[current] = dominators[dominators[current]]
        current = current + 1


def by_node(highest: int, order: Sequence[int], dominators: Sequence[int], result: Column) -> None:
    """Write the dominator of each node into ``result``, which must be ``NONE``; ``ROOT`` is the node above."""
    number = 1
    while number <= highest:
        if dominators[number] == 0:
            result[order[number]] = _ROOT
        else:
            result[order[number]] = order[dominators[number]]
        number = number + 1


def retain(
    highest: int, order: Sequence[int], dominators: Sequence[int], sizes: Sequence[int], retained: Column
) -> None:
    """Write into ``retained``, by node, the bytes of all that a node dominates, itself included."""
    number = 1
    while number <= highest:
        retained[order[number]] = sizes[order[number]]
        number = number + 1
    number = highest
    while number >= 1:
        if dominators[number] != 0:
            retained[order[dominators[number]]] += retained[order[number]]
        number = number - 1


def _settle(parent: int, first: int, ancestors: Column, semi: Column, label: Column, dominators: Column) -> None:
    """Find the dominators, or those that have the same, of all whose semidominator is ``parent``."""
    waiting = label[parent]
    while waiting != 0:
        following = dominators[waiting]
        lowest = _lowest_label(waiting, first, ancestors, semi, label)
        dominators[waiting] = lowest if semi[lowest] < parent else parent
        waiting = following
    label[parent] = 0


def _lowest_label(number: int, first: int, ancestors: Column, semi: Column, label: Column) -> int:
    """Return the number of lowest semidominator between ``number`` and the top of its tree of linked numbers.

    Numbers from ``first`` on are linked. The way up is turned round to find back down, instead of a stack.
    """
    below = 0
    while ancestors[number] >= first:
        above = ancestors[number]
        ancestors[number] = below
        below = number
        number = above
    top = ancestors[number]
    lowest = label[number]
    while below != 0:
        number = below
        below = ancestors[number]
        if semi[lowest] < semi[label[number]]:
            label[number] = lowest
        lowest = label[number]
        ancestors[number] = top
    return lowest


_ROOT = ROOT

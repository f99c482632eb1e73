from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_variants import VARIANTS, load

if TYPE_CHECKING:
    from types import ModuleType

BASE = 0x7F0000000000


@pytest.fixture(params=VARIANTS)
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    return load("references", request.param)


class Marked:
    """Marks of objects at some addresses."""

    def __init__(self, kernel: ModuleType, addresses: list[int]) -> None:
        self.column = array("Q", addresses)
        self.lowest = addresses[0] & ~511 if addresses else BASE
        blocks = (addresses[-1] - self.lowest >> 22) + 1 if addresses else 1
        self.directory = array("I", [0] * blocks)
        used = kernel.number_blocks(self.column, len(addresses), self.lowest, self.directory)
        self.marks = array("Q", bytes(8 * kernel.BLOCK_MARKS * max(1, used)))
        self.marked = kernel.mark_objects(self.column, len(addresses), self.lowest, self.directory, self.marks)
        self.where = (self.lowest, self.directory, self.marks)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 3000) | st.integers(1 << 21, (1 << 21) + 200), max_size=60))
def test_an_address_has_the_index_of_its_object_and_others_have_none(kernel: ModuleType, places: set[int]) -> None:
    addresses = sorted(BASE + 8 * place for place in places)
    marked = Marked(kernel, addresses)
    assert marked.marked == len(addresses)
    for address in [*addresses, *(a + 8 for a in addresses), BASE - 8, BASE + 4, 0, 2**64 - 8]:
        expected = addresses.index(address) if address in addresses else kernel.NONE
        assert kernel.index_of(address, *marked.where) == expected


def edges(
    kernel: ModuleType, objects: list[tuple[int, list[int]]], descriptions: list[tuple[int, ...]], **given: int
) -> tuple[list[list[int]], list[int], int]:
    """Return references by row, the state and the row it came to; objects are pairs of a type and their words."""
    words: list[int] = []
    addresses, kinds, sizes = array("Q"), array("I"), array("I")
    for kind, body in objects:
        addresses.append(BASE + 8 * len(words))
        kinds.append(kind)
        sizes.append(8 * len(body))
        words += body
    first, numbers = array("I"), array("q")
    for description in descriptions:
        first.append(len(numbers))
        numbers.extend(description)
    extra = array("I", [given.get("keeper", 0)] * len(descriptions))
    offsets, targets = array("I", [0] * (len(objects) + 1)), array("I", [0] * given.get("room", 100))
    state = array("Q", [0] * 4)
    memory = array("Q", words[: given.get("words", len(words))])
    marked = Marked(kernel, list(addresses))
    reached = kernel.list_references(
        memory,
        BASE,
        0,
        len(objects),
        addresses,
        kinds,
        sizes,
        first,
        numbers,
        extra,
        *marked.where,
        0,
        offsets,
        targets,
        state,
    )
    offsets[reached] = state[0]
    found = [list(targets[offsets[row] : offsets[row + 1]]) for row in range(reached)]
    return found, list(state), reached


LEAF, NODE, ARRAY, STRUCTS = (0,), (1, 8, 16 - 32), (1, 16, -24), (-2, 16, 1, 8, 2, 0)


def at(row: int) -> int:
    """The address of a row when all objects before it are four words long."""
    return BASE + 32 * row


def test_series_tell_which_words_are_references(kernel: ModuleType) -> None:
    objects = [(1, [9, at(1), at(2), at(0)]), (0, [9, at(0), 0, 0]), (1, [9, 0, at(1), 5])]
    assert edges(kernel, objects, [LEAF, NODE])[0] == [[1, 2], [], [1]]


def test_the_length_of_an_array_is_part_of_its_series(kernel: ModuleType) -> None:
    objects = [(0, [9, 2, at(0), at(1), 0][:4]), (0, [9, 3, at(0), at(0), at(1), 0])]
    assert edges(kernel, objects, [ARRAY])[0] == [[0], [0, 0, 1]]


def test_arrays_of_structures_repeat_a_pattern(kernel: ModuleType) -> None:
    body = [9, 2, at(0), 7, at(0), 0, 0, 7, at(0), at(0), 0]
    assert edges(kernel, [(0, body)], [STRUCTS])[0] == [[0, 0, 0, 0]]


def test_a_reference_to_no_object_is_counted_and_named(kernel: ModuleType) -> None:
    found, state, _ = edges(kernel, [(0, [9, at(0), at(0) + 8, 5])], [NODE])
    assert found == [[0]]
    assert state[1:] == [1, at(0) + 8, 0]


def test_objects_of_a_collectible_type_keep_their_allocator(kernel: ModuleType) -> None:
    assert edges(kernel, [(0, [9, 0, 0, 0]), (0, [9, at(0), 0, 0])], [NODE], keeper=2)[0] == [[1], [1, 0]]


@pytest.mark.parametrize(("limits", "row"), [({"words": 7}, 1), ({"room": 5}, 1), ({"words": 0}, 0)])
def test_it_stops_before_what_does_not_fit(kernel: ModuleType, limits: dict[str, int], row: int) -> None:
    objects = [(0, [9, at(0), 0, 0]), (0, [9, at(1), 0, 0])]
    assert edges(kernel, objects, [NODE], **limits)[2] == row


@pytest.mark.parametrize("wrong", [(1, 8, 80), (1, 8, -2000), (1, -8, 0), (1, 1 << 40, 0), (-1, 16, 0, 0, 8)])
def test_a_description_that_leaves_the_object_reads_nothing_outside(kernel: ModuleType, wrong: tuple[int, ...]) -> None:
    if wrong[0] < 0:
        wrong = (-1, 16, 9, 8)
    assert edges(kernel, [(0, [9, 0, 0, 0])], [wrong])[2] == 1

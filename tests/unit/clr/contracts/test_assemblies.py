from collections.abc import Sequence

import pytest

from builders.fake_access import Layout, fake_access
from dotdump.clr.contracts import assemblies
from dotdump.clr.contracts.assemblies import Assemblies, LoadedAssembly

LAYOUTS: dict[str, Layout] = {
    "AppDomain": {"DomainAssemblyList": 0x40},
    "ArrayListBase": {"Count": (0, "uint32"), "FirstBlock": 8},
    "ArrayListBlock": {"Next": 0, "Size": (8, "uint32"), "ArrayStart": 16},
    "DomainAssembly": {"Assembly": 0},
    "Assembly": {"Module": 0},
}
VARIABLE, DOMAIN, BLOCKS = 0x1000, 0x2000, 0x3000


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "little") for value in values)


def listed(count: int, *blocks: tuple[int, Sequence[int]], loops: bool = False) -> Assemblies:
    """Return a list that says it has ``count`` entries; each block has so much room, and these entries."""
    access, target = fake_access(LAYOUTS, globals_={"AppDomain": VARIABLE})
    places = [DOMAIN + 0x48, *(BLOCKS + 0x100 * number for number in range(1, len(blocks)))]
    following = [*places[1:], places[-1] if loops else 0]
    target.chunks |= {VARIABLE: words(DOMAIN), DOMAIN + 0x40: words(count)}
    for place, after, (room, entries) in zip(places, following, blocks, strict=True):
        target.chunks[place] = words(after, room, *entries).ljust(16 + 8 * min(room, 16), b"\0")
    for number in {number for _, entries in blocks for number in entries}:
        target.chunks |= {number: words(number + 0x10), number + 0x10: words(number + 0x20)}
    return Assemblies(access)


def loaded(*entries: int) -> tuple[LoadedAssembly, ...]:
    return tuple(LoadedAssembly(entry, entry + 0x10, entry + 0x20) for entry in entries)


def test_a_list_goes_on_from_block_to_block_and_leaves_out_what_was_unloaded() -> None:
    found = listed(4, (2, [0x8000, 0x8100]), (20, [0, 0x8200]))
    assert found.loaded == loaded(0x8000, 0x8100, 0x8200)
    assert [(room, count) for _, room, count in found.blocks()] == [(2, 2), (20, 2)]
    assert found.problems == []


@pytest.mark.parametrize("loops", [False, True])
def test_a_list_whose_blocks_end_too_soon_is_a_problem(*, loops: bool) -> None:
    found = listed(5, (2, [0x8000, 0x8100]), loops=loops)
    assert found.loaded == loaded(0x8000, 0x8100)
    (problem,) = found.problems
    assert "3 entries are in none of 1 blocks" in problem.message


def test_no_more_blocks_are_looked_at_than_there_can_be_assemblies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemblies, "ASSEMBLIES", 8)
    found = listed(1, *[(0, [])] * 9, (1, [0x8000]))
    assert found.loaded == ()
    assert "1 entries are in none of 8 blocks" in found.problems[0].message

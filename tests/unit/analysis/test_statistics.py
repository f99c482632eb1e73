from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders.heaps import FakeHeap
from dotdump.analysis.saved_statistics import STATISTICS, load_statistics, save_statistics
from dotdump.analysis.statistics import (
    Amount,
    HeapStatistics,
    by_module,
    generation_at,
    heap_statistics,
    in_generations,
)
from dotdump.clr.graph.index_file import IndexContents
from dotdump.clr.graph.index_folder import IndexFolder, index_folder
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.report.heap import modules_csv, render_modules, render_types, select_types, types_csv
from dotdump.report.listing import Choice

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def runtime() -> ClrRuntime:
    """Three objects in generation 0, two in 2 with a hole of 40 bytes before them, one that is frozen."""
    heap = FakeHeap()
    small, large = heap.add_type(24), heap.add_type(48)
    heap.add_region(0, small.words(), small.words(), large.words())
    heap.add_region(2, heap.free.words(16), large.words(), large.words())
    heap.add_region(2, small.words(), flags=1)
    return ClrRuntime.of(heap.target())


@pytest.fixture
def statistics(runtime: ClrRuntime) -> HeapStatistics:
    return heap_statistics(runtime)


def test_totals_leave_free_space_out(statistics: HeapStatistics) -> None:
    assert (statistics.objects, statistics.bytes, statistics.free_bytes) == (6, 3 * 24 + 3 * 48, 40)
    assert statistics.problems == ()


def test_each_type_says_where_its_objects_are(statistics: HeapStatistics) -> None:
    large, small, free = statistics.types
    assert large.generations == {"gen0": Amount(1, 48), "gen2": Amount(2, 96)}
    assert small.generations == {"gen0": Amount(2, 48), "frozen": Amount(1, 24)}
    assert (free.name, free.generations) == ("Free", {"gen2": Amount(1, 40)})


def test_each_generation_says_how_much_of_it_is_free(statistics: HeapStatistics) -> None:
    rows = {row.name: row for row in statistics.generations}
    assert set(rows) == {"gen0", "gen2", "frozen"}
    second = rows["gen2"]
    assert (second.used, second.count, second.size, second.free, second.holes) == (136, 2, 96, 40, 1)
    assert second.fragmentation == pytest.approx(40 / 136)


def test_the_generation_of_an_address_has_the_name_that_statistics_give_it(runtime: ClrRuntime) -> None:
    starts = [segment.start for segment in runtime.heap.segments]
    assert sorted(generation_at(runtime.heap, start) for start in starts) == ["frozen", "gen0", "gen2"]
    assert generation_at(runtime.heap, starts[0] - 8) == ""


def test_one_generation_can_be_looked_at_alone(statistics: HeapStatistics) -> None:
    found = in_generations(statistics, {"frozen", "gen0"})
    assert (found.objects, found.bytes, found.free_bytes) == (4, 120, 0)
    assert [(row.count, row.size) for row in found.types] == [(3, 72), (1, 48)]
    assert [row.name for row in found.generations] == ["gen0", "frozen"]


def test_modules_add_up_to_the_totals(statistics: HeapStatistics) -> None:
    (row,) = by_module(statistics).modules
    assert (row.types, row.count, row.size) == (2, statistics.objects, statistics.bytes)
    assert row.generations["gen0"] == Amount(3, 96)


def test_tables_and_csv_show_generations(statistics: HeapStatistics) -> None:
    assert "GEN0  GEN2  FROZEN  TYPE" in render_types(statistics, None, wide=True)
    assert "29%" in render_types(statistics, None)
    assert "GEN0  GEN2  FROZEN  MODULE" in render_modules(by_module(statistics), None, wide=True)
    assert types_csv(statistics).splitlines()[1].endswith(",3,144,48,0,96,0,0,0")
    assert modules_csv(by_module(statistics)).splitlines()[1].endswith(",2,6,216,96,0,96,0,0,24")


def test_a_class_that_is_called_as_free_space_is_a_class_like_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClrRuntime, "type_name", lambda _runtime, _method_table: "Free")
    heap = FakeHeap()
    heap.add_region(2, heap.free.words(16), heap.add_type(24).words())
    statistics = heap_statistics(ClrRuntime.of(heap.target()))
    assert {(row.name, row.size, row.is_free) for row in statistics.types} == {("Free", 40, True), ("Free", 24, False)}
    for found in (statistics, in_generations(statistics, {"gen2"})):
        assert (found.objects, found.bytes, found.free_bytes) == (1, 24, 40)
        assert [(row.size, row.free) for row in found.generations] == [(24, 40)]
        assert [row.count for row in by_module(found).modules] == [1]


def test_rows_can_be_paged(statistics: HeapStatistics) -> None:
    chosen = select_types(statistics, Choice(sort="count", limit=1, offset=1))
    assert [row.count for row in chosen.types] == [3]
    assert chosen.objects == 6


def test_progress_ends_with_all_bytes() -> None:
    heap = FakeHeap()
    heap.add_region(0, heap.add_type(24).words())
    seen: list[tuple[str, int, int]] = []
    heap_statistics(ClrRuntime.of(heap.target()), lambda *step: seen.append(step))
    assert seen[-1] == ("counting", 24, 24)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IndexFolder:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    core = tmp_path / "core"
    core.write_bytes(b"\x7fELF")
    return index_folder(core)


def test_what_is_loaded_is_what_was_saved(statistics: HeapStatistics, folder: IndexFolder) -> None:
    assert load_statistics(folder) is None
    assert save_statistics(folder, statistics) is not None
    assert load_statistics(folder) == statistics


@pytest.mark.parametrize(
    "change",
    [
        {"made_by": "another version"},
        {"types": None},
        {"types": [["0x1", "Name"]]},
        {"types": [["0x1", "Name", "Module", {"gen0": ["many", 1]}, False]]},
        {"types": [["0x1", "Name", "Module", [], False]]},
        {"types": [["0x1", "Name", "Module", {}]]},
        {"generations": [["gen0"]]},
        {"problems": "none"},
        {"objects": {}},
    ],
)
def test_saved_statistics_that_do_not_fit_are_counted_anew(
    statistics: HeapStatistics, folder: IndexFolder, change: dict[str, object]
) -> None:
    save_statistics(folder, statistics)
    contents = folder.read(STATISTICS)
    assert contents is not None
    folder.write(STATISTICS, IndexContents({}, dict(contents.facts) | change))
    assert load_statistics(folder) is None


def test_other_sysroots_are_another_identity(folder: IndexFolder, tmp_path: Path) -> None:
    assert index_folder(tmp_path / "core", ["/other"]).identity != folder.identity

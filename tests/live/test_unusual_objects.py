"""What Corpus has not, in heaps of every runtime: as ClrMD and .NET itself say."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import dotdump
from corpus import Runtime, runtimes
from dotdump.analysis.collections import find_collection
from dotdump.analysis.locks import lock_report
from dotdump.cli.main import main
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.clr.model.value import ClrStruct
from heap_witness import compare_references
from hosted import dumped
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.static import ClrStatic

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("unusual objects")]

COUNT = 100


class Unusual:
    """A core of ``tests/targets/unusual.py``, opened, and the facts that the program told."""

    def __init__(self, clr: ClrRuntime, core: Path, facts: dict[str, Any]) -> None:
        self.clr = clr
        self.core = core
        self.facts = facts

    def named(self, type_name: str) -> list[ClrObject]:
        return [found for found in self.clr.heap.objects() if found.type.name == type_name]


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def unusual(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unusual]:
    runtime: Runtime = request.param
    folder = tmp_path_factory.mktemp("unusual")
    with dumped("unusual.py", runtime, folder) as (core, facts), dotdump.open_core(core) as target:
        yield Unusual(ClrRuntime.of(target), core, facts)


def test_references_far_inside_of_structs_are_references(unusual: Unusual) -> None:
    graph = unusual.clr.heap.graph()
    assert graph.problems == ()
    texts = {row: found.text for row, found in enumerate(unusual.clr.heap.objects()) if found.type.is_string}
    pairs = "System.ValueTuple<System.Decimal, System.ValueTuple<System.String, System.Int32>>[]"
    (array,) = [found for found in unusual.named(pairs) if (found.length or 0) >= COUNT]
    row = graph.find(array.address)
    assert row is not None
    assert [texts.get(target) for target in graph.references(row)] == [f"late {number}" for number in range(COUNT)]
    assert compare_references(unusual.clr, partial(oracle, core=unusual.core)).different == ()


def test_moments_are_those_that_were_stored(unusual: Unusual) -> None:
    (found,) = [each.array for each in unusual.named("System.DateTimeOffset[]") if each.length == 3]
    assert found is not None
    assert [str(each) for each in found.elements()] == unusual.facts["moments"]


def statics_of(unusual: Unusual) -> dict[str, ClrStatic]:
    return {each.field.name: each for each in unusual.clr.statics(lambda kind: kind.name == "Quiet.Holder")}


def test_statics_that_no_class_constructor_fills_are_ready(unusual: Unusual) -> None:
    names = ("System.AppContext", "System.Diagnostics.Tracing.EventListener")
    held = [static for static in unusual.clr.statics(lambda kind: kind.name in names) if static.object]
    assert held
    assert [static.name for static in held if not static.initialized] == []


def test_structs_in_statics_are_of_the_type_that_their_box_says(unusual: Unusual) -> None:
    found = statics_of(unusual)
    pair = found["Pair"].value
    assert isinstance(pair, ClrStruct)
    assert pair.type.name == "System.Collections.Generic.KeyValuePair<System.String, System.Int32>"
    assert (pair["key"], pair["value"]) == ("key", 5)
    assert [found[name].value for name in ("Maybe", "Nothing", "Price")] == [-7, None, Decimal("12.5")]


def test_statics_are_found_of_modules_that_nothing_refers_to(unusual: Unusual) -> None:
    found = statics_of(unusual)
    assert found["Count"].value == 4711
    names = unusual.clr.heap.object(found["Names"].object)
    assert names.type.name == "System.Collections.Generic.List<System.String>"
    assert (found["Own"].value, found["Own"].thread and found["Own"].thread.os_id) == (
        "of one thread",
        unusual.facts["pid"],
    )
    assert any(root.object == names.address and root.name == "Quiet.Holder.Names" for root in unusual.clr.roots())


def test_pointers_of_all_kinds_have_the_names_that_reflection_gives_them(unusual: Unusual) -> None:
    handles = [found["m_handle"] for found in unusual.named("System.RuntimeType")]
    names = {unusual.clr.type_name(handle) for handle in handles if isinstance(handle, int)}
    assert names.issuperset(unusual.facts["compounds"])


def test_an_array_of_function_pointers_has_a_name_and_leads_to_no_module(unusual: Unusual) -> None:
    names = [each for each in unusual.facts["compounds"] if each.endswith(")[]")]
    assert len(names) == (unusual.clr.access.major >= 8)  # 3.1 has no type of function pointers
    for name in names:
        has_a_name_and_leads_to_no_module(unusual, name)


def has_a_name_and_leads_to_no_module(unusual: Unusual, name: str) -> None:
    (found,) = unusual.named(name)
    assert found.length == 3
    assert unusual.clr.module_name(found.method_table) == ""
    assert list(unusual.clr.statics(lambda kind: kind.name == "Quiet.Holder"))
    assert unusual.clr.static_finder.problems == []


def test_numbers_of_enums_are_written_as_net_does(unusual: Unusual) -> None:
    assert len(unusual.facts["enums"]) == 2
    for name, texts in unusual.facts["enums"].items():
        (found,) = [each.array for each in unusual.named(name)]
        assert found is not None
        assert [str(each) for each in found.elements()] == texts


def test_arguments_of_structs_have_their_values(unusual: Unusual, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stacks", str(unusual.core), "--args", "--format", "json"]) == 0
    threads = json.loads(capsys.readouterr().out)["threads"]
    frames = [frame for thread in threads for frame in thread["frames"] if "Enums.Sleeper.Stay" in str(frame["method"])]
    assert [[each["value"] for each in frame["variables"]] for frame in frames] == [
        ["A, Top", "1970-01-01T00:00:00Z", "-1"]
    ]


def test_a_type_of_a_hundred_arguments_has_a_name_and_fields(unusual: Unusual) -> None:
    arguments = ", ".join(["System.String, System.Int32"] * (COUNT // 2))
    (found,) = unusual.named(f"Wide.Holder<{arguments}>")
    assert (found["First"], found["Last"]) == ("first", COUNT)


def test_a_view_of_a_sorted_set_holds_what_lies_between_its_bounds(unusual: Unusual) -> None:
    views = unusual.named("System.Collections.Generic.SortedSet<System.Int32>+TreeSubSet")
    held = [collection for view in views if (collection := find_collection(view)) is not None]
    assert [[item.value for item in each.items()] for each in held] == [[3, 4, 5], [*range(90, COUNT)]]
    assert [each.count for each in held] == [3, 10]
    (texts,) = unusual.named("System.Collections.Generic.SortedSet<System.String>+TreeSubSet")
    assert find_collection(texts) is None


def test_locks_whose_owner_has_ended_say_so(unusual: Unusual) -> None:
    locks = [lock for lock in lock_report(unusual.clr).locks if lock.type == "System.Object" and lock.is_taken]
    assert sorted((lock.kind, lock.recursion, lock.state) for lock in locks) == [
        ("monitor", 1, "its owner has ended"),
        ("thin lock", 1, "its owner has ended"),
    ]


def test_modules_made_at_run_time_have_the_names_of_their_assemblies(unusual: Unusual) -> None:
    kinds = {found.type.name.partition(".")[0]: found.method_table for found in unusual.clr.heap.objects()}
    assert [unusual.clr.module_name(kinds[name]) for name in ("Enums", "Wide")] == ["Enums", "Wide"]

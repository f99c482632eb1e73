"""Types of NativeAOT programs, without symbols and without a debugger's library, against what Corpus says of itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest

import dotdump
from corpus import corpus, executable
from dotdump.analysis.exceptions import Holding, list_exceptions
from dotdump.analysis.where import follow
from dotdump.analysis.whole_object import object_details
from dotdump.clr.contracts.native_aot_symbols import type_of_symbol
from dotdump.clr.contracts.native_aot_types import NO_FIELDS
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.report.exceptions import render_exceptions
from dotdump.unwind.frame import Frame
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.graph.object_graph import ObjectGraph

pytestmark = pytest.mark.live

PROGRAMS = ("native-aot-net10", "native-aot-net10-eventsource")
STRIPPED = "native-aot-net10-eventsource"


class Opened(NamedTuple):
    program: str
    runtime: ClrRuntime
    graph: ObjectGraph
    facts: dict[str, int]

    @property
    def names(self) -> list[str]:
        return [self.runtime.type_name(shape.method_table) for shape in self.graph.types]


@pytest.fixture(scope="module", params=PROGRAMS)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    path = tmp_path_factory.mktemp("aot") / "core"
    with corpus(executable(request.param), "all") as running:
        with dotdump.open_process(running.pid) as process:
            dotdump.write_core(process, path)
        with dotdump.open_core(path) as core:
            runtime = ClrRuntime.of(core)
            yield Opened(request.param, runtime, runtime.heap.graph(), running.facts)
    path.unlink()


def test_counts_by_name_are_those_of_the_program(opened: Opened) -> None:
    names, counts = opened.names, Counter[str]()
    for kind in opened.graph.type_ids:
        counts[names[kind]] += 1
    expected = {key.removeprefix("count:"): n for key, n in opened.facts.items() if key.startswith("count:")}
    assert expected.items() <= {name: counts[name] for name in expected}.items()


def test_every_type_has_a_name_of_its_own(opened: Opened) -> None:
    names = opened.names
    assert [name for name in names if "<type at" in name] == []
    of_one_name = [name for name, count in Counter(names).items() if count > 1]
    assert [name for name in of_one_name if "Interop+" not in name] == []  # each assembly has an Interop of its own
    assert {"Free", "System.String", "System.Byte[]", "Corpus.Order[]"} <= set(names)
    nested = "Corpus.Box<System.Collections.Generic.Dictionary<System.String, Corpus.Line[]>>+Inner<"
    assert f"{nested}System.Nullable<Corpus.Money>>" in names


def test_types_know_what_they_are_made_of(opened: Opened) -> None:
    types = {
        name: opened.runtime.type_at(shape.method_table)
        for name, shape in zip(opened.names, opened.graph.types, strict=True)
    }
    rank_two = next(kind for name, kind in types.items() if name.endswith("[,]"))
    assert rank_two.is_array
    array = types["Corpus.Order[]"]
    assert array.element_type is not None
    assert array.element_type.name == "Corpus.Order"
    assert types["Corpus.OrderNotFoundException"].is_exception
    assert opened.runtime.module_name(array.method_table) == "Corpus"
    assert opened.runtime.module_name(types["System.String"].method_table) == "System.Private.CoreLib"
    arguments = types["System.Collections.Generic.Dictionary<System.String, Corpus.Customer>"].arguments
    assert arguments == ("System.String", "Corpus.Customer")
    assert "System.ICloneable" in [face.name for face in types["System.String"].interfaces]


def test_symbols_say_the_same_as_far_as_they_can(opened: Opened) -> None:
    if opened.program == STRIPPED:
        assert opened.runtime.module.symbol_at(opened.graph.types[0].method_table) is None
        return
    pairs = []
    for shape in opened.graph.types:
        symbol = opened.runtime.module.symbol_at(shape.method_table)
        if symbol is not None and symbol[0].startswith("_ZTV"):
            pairs.append((type_of_symbol(symbol[0]), opened.runtime.type_name(shape.method_table)))
    different = [pair for pair in pairs if len({name.replace("+", ".") for name in pair}) > 1]
    assert len(pairs) > 200
    assert len(different) <= len(pairs) // 50, different  # a guess at where the name of an assembly ends


def test_methods_on_stacks_have_names_with_no_symbols(opened: Opened) -> None:
    unwinder = NativeUnwinder(opened.runtime.target)
    frames = (f for thread in opened.runtime.target.threads for f in unwinder.walk(unwinder.frame_of(thread)))
    places = (frame.lookup for frame in frames if isinstance(frame, Frame))
    methods = [found for place in places if (found := opened.runtime.native_methods.find(place)) is not None]
    counts = Counter(method.signature for method in methods)
    assert counts["Corpus.ThreadScenario.Recurse(System.Int32)"] >= opened.facts["recursion_depth"]
    assert counts["Corpus.ThreadScenario.LockBoth(System.Object, System.Object)"] == 2
    assert counts["System.Threading.Thread.Sleep(System.Int32)"] > 3
    assert "Corpus.ThreadScenario.ParkInsideCatch()" in {method.signature for method in methods if method.in_handler}


def test_what_exceptions_say_is_not_known_and_nothing_is_claimed_of_it(opened: Opened) -> None:
    found = list_exceptions(opened.runtime)
    current = next(row for row in found.exceptions if row.held_by and row.held_by[0].how is Holding.CURRENT)
    assert (current.type, current.message, current.hresult) == ("Corpus.OrderNotFoundException", None, None)
    text = render_exceptions(found, None)
    assert "HRESULT" not in text
    assert "not thrown" not in text
    assert [problem.message for problem in found.problems] == [
        f"what exceptions say, and where they were thrown, is not known: {NO_FIELDS}"
    ]


def test_an_object_says_that_its_fields_are_not_known(opened: Opened) -> None:
    thrown = next(row for row in list_exceptions(opened.runtime).exceptions if row.held_by)
    details = object_details(opened.runtime, int(thrown.address, 16))
    assert (details.fields, details.value) == ((), None)
    assert [problem.message for problem in details.problems] == [NO_FIELDS]
    assert str(follow(opened.runtime.heap.object(int(thrown.address, 16)), "_message")) == f"<unreadable: {NO_FIELDS}>"

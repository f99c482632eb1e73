"""Methods by instruction pointer against ClrMD: the full name of every managed frame, of every exception's stack."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dotdump
from corpus import Runtime, corpus, missing, runtimes
from dotdump.clr.contracts.code_block import CodeKind
from dotdump.clr.contracts.type_maps import TypeMaps
from dotdump.clr.contracts.type_names import TypeNames
from dotdump.clr.contracts.type_strings import TypeStrings
from dotdump.clr.data.code import CodeHeapListNode
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.target.compressed import UnpackedWarning
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.target.model import Target

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("methods against clrmd")]

ARM64 = "coreclr-10.0.12-arm64-all"
DICTIONARY = "System.Collections.Generic.Dictionary<"


@dataclass(frozen=True)
class Dumped:
    """A core of Corpus ``all``, the runtime in it, and what ClrMD says of its threads."""

    runtime: Runtime
    clr: ClrRuntime
    threads: list[dict[str, Any]]

    def frames(self) -> Iterator[tuple[int, str]]:
        """Yield instruction pointer and full name of each managed frame that ClrMD can name."""
        for thread in self.threads:
            for frame in thread["frames"]:
                if frame["kind"] == "ManagedMethod" and frame["method"] is not None:
                    yield int(frame["ip"], 16), frame["method"]


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def dumped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dumped]:
    runtime: Runtime = request.param
    core = tmp_path_factory.mktemp("methods") / "core"
    with corpus(runtime, "all") as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(core), str(running.pid)]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    threads = oracle("threads", core)
    with dotdump.open_core(core) as target:
        yield Dumped(runtime, ClrRuntime.of(target), threads)
    core.unlink()


def name_at(clr: ClrRuntime, ip: int) -> str:
    method = clr.method_at(ip - 1)
    return method.signature if method is not None else ""


def test_every_managed_frame_has_the_same_name(dumped: Dumped) -> None:
    wrong = {(name_at(dumped.clr, ip), theirs) for ip, theirs in dumped.frames() if name_at(dumped.clr, ip) != theirs}
    assert not wrong
    assert len({theirs for _, theirs in dumped.frames()}) >= 30


def test_code_lies_where_it_says_and_has_its_unwind_and_gc_info(dumped: Dumped) -> None:
    kinds = set()
    for ip, _ in dumped.frames():
        block = dumped.clr.code.find(ip - 1)
        assert block is not None
        assert block.function_start <= ip - 1 < block.function_end
        assert block.start <= block.function_start
        assert block.relative_offset == ip - 1 - block.start
        assert block.unwind_info
        assert block.gc_info
        assert block.is_funclet == (block.start != block.function_start)
        kinds.add(block.kind)
    assert kinds == {CodeKind.JIT, CodeKind.READY_TO_RUN}


def test_a_thread_inside_a_catch_is_in_a_funclet(dumped: Dumped) -> None:
    blocks = [dumped.clr.code.find(ip - 1) for ip, name in dumped.frames() if name.endswith("ParkInsideCatch()")]
    assert any(block is not None and block.is_funclet for block in blocks)


def test_a_method_made_at_run_time_has_the_name_it_was_given(dumped: Dumped) -> None:
    """No frame of it is left on the stack, since it ends with a jump; its code is found through the heap's map."""
    names = [dumped.clr.method(desc).signature for desc in dynamic_methods(dumped.clr)]
    assert "DynamicClass.EmittedAtRunTime()" in names
    assert all(name.startswith(("DynamicClass.", "ILStubClass.IL_STUB_")) for name in names)


def test_code_that_is_not_managed_is_none(dumped: Dumped) -> None:
    assert dumped.clr.code.find(dumped.clr.module.base + 0x1000) is None
    assert dumped.clr.method_at(0) is None
    assert dumped.clr.method_at((1 << 64) - 1) is None


def dynamic_methods(clr: ClrRuntime) -> set[int]:
    """Return the MethodDesc of each method without metadata, from the code of all heaps, last method first."""
    found = set()
    for section in clr.code.ranges.all():
        address = CodeHeapListNode(clr.access, section.heap_list).end - 1 if section.heap_list else 0
        while block := clr.code.find(address):
            if block.method_desc and clr.method(block.method_desc).is_dynamic:
                found.add(block.method_desc)
            address = block.start - 1
    return found


@cache
def arm64(name: str) -> Any:  # noqa: ANN401 - whatever JSON is recorded
    from backports import zstd

    with zstd.open(folder() / ARM64 / f"{name}.json.zst", "rt") as file:
        return json.load(file)


def folder() -> Path:
    path = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent"))
    if not (path / f"{ARM64}.core.zst").exists():
        missing("DOTDUMP_TEST_CORES does not name the folder of the arm64 core")
    return path


@pytest.fixture(scope="module")
def arm64_target() -> Iterator[Target]:
    with pytest.warns(UnpackedWarning):
        target = dotdump.open_core(folder() / f"{ARM64}.core.zst")
    with target:
        yield target


def test_every_managed_frame_of_an_arm64_process_has_the_same_name(arm64_target: Target) -> None:
    clr = ClrRuntime.of(arm64_target)
    frames = [frame for thread in arm64("threads") for frame in thread["frames"] if frame["kind"] == "ManagedMethod"]
    wrong = {
        (name_at(clr, int(f["ip"], 16)), f["method"]) for f in frames if name_at(clr, int(f["ip"], 16)) != f["method"]
    }
    assert not wrong
    assert len(frames) == 270


def test_type_variables_have_the_name_of_their_parameter(dumped: Dumped) -> None:
    clr = dumped.clr
    names = TypeNames(clr.access, clr.loader)
    strings = TypeStrings(clr.access, clr.loader, names)
    some = next(found for found in clr.heap.objects() if found.type.name.startswith(DICTIONARY))
    metadata, row_id = clr.type_system.metadata_of(some.method_table), some.type.token & 0xFFFFFF
    assert metadata is not None
    maps = TypeMaps(clr.access, names)
    definition = maps.find_definition(names.module_of(some.method_table), row_id)
    dictionary = clr.access.reader.pointer(clr.access.pointer(definition, "MethodTable", "PerInstInfo"))
    handles = [clr.access.reader.pointer(dictionary + 8 * number) for number in range(2)]
    assert [strings.full(handle) for handle in handles] == ["TKey", "TValue"]
    assert strings.arguments(tuple(handles)) == "[TKey,TValue]"

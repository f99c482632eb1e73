"""What addresses of real processes are: as frames, delegates, objects and threads say by other ways."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import Runtime, corpus, runtimes
from dotdump.analysis.addresses import meaning_of
from dotdump.analysis.delegates import read_delegate
from dotdump.cli.main import main
from dotdump.clr.model.runtime import ClrRuntime
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dotdump.target.core import CoreTarget

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def core(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    runtime: Runtime = request.param
    path = tmp_path_factory.mktemp("addresses") / "core"
    with corpus(runtime, "all") as running:
        assert main(["collect", "-p", str(running.pid), "-o", str(path)]) == 0
    yield path
    path.unlink()


@pytest.fixture
def target(core: Path) -> Iterator[CoreTarget]:
    with dotdump.open_core(core) as opened:
        yield opened


def test_code_of_every_managed_frame_is_the_method_that_clrmd_names(core: Path, target: CoreTarget) -> None:
    runtime = ClrRuntime.of(target)
    frames = [
        (int(frame["ip"], 16) - 1, frame["method"])
        for thread in oracle("threads", core)
        for frame in thread["frames"]
        if frame["method"] and frame["kind"] == "ManagedMethod"
    ]
    assert len(frames) > 200
    for ip, method in frames:
        found = meaning_of(target, runtime, ip)
        assert found.code is not None, hex(ip)
        assert (found.code.method, found.object, found.type) == (method, None, None)
        assert found.memory is not None
        assert found.memory.rights == "r-x" if found.code.kind == "r2r" else "x" in found.memory.rights


def test_a_stub_is_told_by_the_method_that_it_stands_for(target: CoreTarget) -> None:
    runtime = ClrRuntime.of(target)
    callback = next(each for each in runtime.heap.objects() if each.type.name == "System.Threading.TimerCallback")
    delegate = read_delegate(runtime, callback)
    assert delegate is not None
    assert delegate.method is not None
    found = meaning_of(target, runtime, delegate.code).code
    assert found is not None
    assert (found.kind, found.method) == ("stub", delegate.method.signature)
    assert found.method_desc == f"{delegate.method.address:#x}"
    record = meaning_of(target, runtime, delegate.method.address)
    assert (record.method, record.code, record.type) == (delegate.method.signature, None, None)


def test_an_address_in_an_object_is_told_by_the_object(target: CoreTarget) -> None:
    runtime = ClrRuntime.of(target)
    order = next(each for each in runtime.heap.objects() if each.type.name == "Corpus.Order")
    for offset in (0, 1, 8, order.size - 1):
        found = meaning_of(target, runtime, order.address + offset)
        assert found.object is not None
        assert (found.object.address, found.object.offset) == (f"{order.address:#x}", offset)
        assert (found.object.type, found.object.size, found.object.generation) == ("Corpus.Order", order.size, "gen2")
        assert (found.code, found.type, found.method) == (None, None, None)
    assert meaning_of(target, runtime, order.method_table).type == "Corpus.Order"
    free = next(each for each in runtime.heap.objects() if each.is_free)
    found = meaning_of(target, runtime, free.address)
    assert found.object is not None
    assert (found.object.address, found.object.type) == (None, None)


def test_stacks_symbols_and_nothing_are_told(
    core: Path, target: CoreTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = target.threads[-1]
    assert main(["address", str(core), f"{thread.stack_pointer:x}", "10", "--format", "json"]) == 0
    stack, nothing = json.loads(capsys.readouterr().out)["addresses"]
    assert (stack["memory"]["thread"], stack["memory"]["offset"]) == (thread.tid, None)
    assert (nothing["address"], {value for key, value in nothing.items() if key not in ("address", "schema")}) == (
        "0x10",
        {None},
    )
    assert main(["address", str(core), f"{thread.instruction_pointer:x}", "10"]) == 0
    native, nowhere = capsys.readouterr().out.split("\n\n")
    assert "  symbol:  libc.so.6!" in native
    assert nowhere == "0x10\n  memory:  not mapped\n"


@pytest.mark.skipif(not runtimes(), reason="no .NET here")
def test_several_addresses_of_a_process_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with corpus(runtimes()[-1], "idle") as running:
        assert main(["address", "-p", str(running.pid), "10", "20", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["addresses"]
    assert [(each["address"], each["memory"]) for each in found] == [("0x10", None), ("0x20", None)]


@pytest.mark.parametrize("words", [["core.1"], ["-p", "1", "zz"], ["core.1", "10", "-5"], ["core.1", "g"]])
def test_what_is_no_address_is_refused_before_anything_is_opened(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["address", *words])
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert status == 2
    assert "core.1: " not in capsys.readouterr().err

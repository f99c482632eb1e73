"""Asynchronous stacks of real processes: of Corpus, and of the library's own methods in every kind of chain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import Runtime, corpus, executable, runtimes
from dotdump.analysis.async_stacks import AsyncStack, AsyncStacks, list_async_stacks
from dotdump.analysis.whole_object import object_details
from dotdump.cli.main import main
from dotdump.clr.model.runtime import ClrRuntime
from hosted import hosted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("tasks")]

REQUESTS = 37
CHAIN = ["QueryDatabaseAsync", "LoadOrderAsync", "HandleRequestAsync"]
SEMAPHORE = "System.Threading.SemaphoreSlim.WaitUntilCountOrTimeoutAsync"


def of_corpus(core: Path) -> tuple[AsyncStacks, list[str | None]]:
    """The stacks of a core of Corpus, and what its tasks in end states say of themselves."""
    with dotdump.open_core(core) as target:
        runtime = ClrRuntime.of(target)
        ended = {
            found["m_result"]: object_details(runtime, found.address).value
            for found in runtime.heap.objects()
            if found.type.name == "System.Threading.Tasks.Task<System.String>"
        }
        return list_async_stacks(runtime), [ended.get("done")]


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
@pytest.mark.parametrize("kind", ["full", "heap"])
def test_every_pending_request_is_a_stack_of_three_methods(runtime: Runtime, kind: str, tmp_path: Path) -> None:
    with corpus(runtime, "async", requests=REQUESTS) as running:
        assert main(["collect", "-p", str(running.pid), "-o", str(tmp_path / "core"), "--type", kind]) == 0
        asked = running.facts["async_chain"].split(",")
    found, done = of_corpus(tmp_path / "core")
    assert asked[::-1] == CHAIN
    (stack,) = found.stacks
    assert (found.count, stack.count, found.problems) == (REQUESTS, REQUESTS, ())
    assert [frame.method for frame in stack.frames] == [f"Corpus.AsyncScenario.{name}" for name in CHAIN]
    assert [frame.state for frame in stack.frames] == [0, 0, 0]
    assert (stack.awaits, stack.awaits_status) == ("System.Threading.Tasks.Task<System.Int32>", "WaitingForActivation")
    assert found.tasks["WaitingForActivation"] == 3 * REQUESTS + 1
    assert (found.tasks["Faulted"], found.tasks["Canceled"]) == (1, 1)
    assert found.tasks["RanToCompletion"] >= 1
    assert done == ["RanToCompletion"]


@pytest.mark.parametrize("name", ["single-file-net10", "native-aot-net10"])
def test_a_program_of_one_file_has_the_same_stacks_and_a_native_one_says_that_it_has_no_fields(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with corpus(executable(name), "async", requests=REQUESTS) as running:
        assert main(["collect", "-p", str(running.pid), "-o", str(tmp_path / "core")]) == 0
    if name.startswith("native"):
        assert main(["tasks", str(tmp_path / "core")]) == 1
        assert "dotdump: .NET: no knowledge of the fields of tasks of NativeAOT" in capsys.readouterr().err
        return
    found, _ = of_corpus(tmp_path / "core")
    (stack,) = found.stacks
    assert (stack.count, found.problems) == (REQUESTS, ())
    assert [frame.method for frame in stack.frames] == [f"Corpus.AsyncScenario.{name}" for name in CHAIN]


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def chained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsyncStacks]:
    folder = tmp_path_factory.mktemp("tasks")
    with hosted("waiting_tasks.py", request.param, folder) as facts:
        assert main(["collect", "-p", str(facts["pid"]), "-o", str(folder / "core"), "--type", "heap"]) == 0
    with dotdump.open_core(folder / "core") as target:
        yield list_async_stacks(ClrRuntime.of(target))


def with_frame(found: AsyncStacks, text: str) -> AsyncStack:
    (stack,) = [each for each in found.stacks if any(text in f"{frame.type} {frame.method}" for frame in each.frames)]
    return stack


def test_tasks_between_methods_are_in_the_stack(chained: AsyncStacks) -> None:
    assert chained.problems == ()
    of_both = with_frame(chained, "WhenAllPromise")
    assert (of_both.count, of_both.frames[0].method, len(of_both.frames)) == (2, SEMAPHORE, 2)
    continued = with_frame(chained, "ContinuationTaskFromResultTask")
    assert (continued.count, continued.frames[0].method) == (1, SEMAPHORE)
    assert "Dispatcher.Invoke(System.Threading.Tasks.Task)" in continued.frames[1].method


def test_a_thread_that_waits_for_a_task_ends_its_stack(chained: AsyncStacks) -> None:
    waited = with_frame(chained, "SetOnInvokeMres")
    assert [frame.method for frame in waited.frames] == [SEMAPHORE, ""]


def test_a_request_leads_from_the_socket_to_the_client_also_through_value_tasks(chained: AsyncStacks) -> None:
    request = with_frame(chained, "GetStringAsync")
    methods = [frame.method for frame in request.frames]
    assert (request.awaits or "").startswith("System.Net.Sockets.Socket+AwaitableSocketAsyncEventArgs")
    assert request.awaits_status is None
    assert methods[0] in ("System.Net.Http.HttpConnection.InitialFillAsync", "System.Net.Http.HttpConnection.FillAsync")
    assert methods[-1] == "System.Net.Http.HttpClient.GetStringAsyncCore"
    assert "System.Net.Http.RedirectHandler.SendAsync" in methods
    assert all(frame.state is not None and frame.state >= 0 for frame in request.frames)
    copy = with_frame(chained, "CopyToAsync")
    assert (copy.awaits, len(copy.frames)) == (request.awaits, 1)


@pytest.mark.skipif(not runtimes(), reason="no .NET here")
def test_what_is_printed_of_a_process_is_what_its_core_says(capsys: pytest.CaptureFixture[str]) -> None:
    with corpus(runtimes()[-1], "async", requests=REQUESTS) as running:
        assert main(["tasks", "-p", str(running.pid), "--type", "LoadOrder", "--format", "json"]) == 0
        (group,) = json.loads(capsys.readouterr().out)["stacks"]
        assert main(["tasks", "-p", str(running.pid)]) == 0
    text = capsys.readouterr().out
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == f"{REQUESTS} stacks, of which one"
    assert (
        lines[1] == f"awaits System.Threading.Tasks.Task<System.Int32>  {group['awaits_address']}, WaitingForActivation"
    )
    assert lines[2] == f"at Corpus.AsyncScenario.QueryDatabaseAsync, await 0  {group['frames'][0]['address']}"
    assert lines[-1].startswith(f"{REQUESTS} asynchronous stacks; tasks: {3 * REQUESTS + 1} WaitingForActivation, ")

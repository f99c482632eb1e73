"""Locks, who waits for whom, and deadlocks of real processes: against ClrMD and what the programs did."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from corpus import Runtime, corpus, runtimes
from dotdump.cli.main import main
from hosted import hosted
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("locks")]

WAITERS = ["lock-waiter-0", "lock-waiter-1", "lock-waiter-2"]


def locks_of(*words: str) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        assert main(["locks", *words, "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(out.getvalue())
    assert found["problems"] == []
    return found


def createdump(runtime: Runtime, pid: int, core: Path) -> None:
    command = [str(runtime.directory / "createdump"), "--full", "-f", str(core), str(pid)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def names(threads: list[dict[str, Any]]) -> list[str]:
    return [thread["name"] for thread in threads]


def circles(found: dict[str, Any]) -> list[list[tuple[str, str, str]]]:
    return [
        [(step["thread"]["name"], step["kind"], step["owner"]["name"]) for step in deadlock["steps"]]
        for deadlock in found["deadlocks"]
    ]


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def core(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A core of Corpus ``threads``."""
    runtime: Runtime = request.param
    path = tmp_path_factory.mktemp("locks") / "core"
    with corpus(runtime, "threads") as running:
        createdump(runtime, running.pid, path)
    yield path
    path.unlink()


def test_monitors_and_thin_locks_are_those_of_clrmd(core: Path) -> None:
    rows = locks_of(str(core))["locks"]
    threads = {thread["address"]: thread["os_id"] for thread in native_ids(core)}
    theirs = [
        (each["index"], each["obj"], each["held"], threads.get(each["owner"]), each["recursion"], each["waiting"])
        for each in oracle("syncblocks", core)
    ]
    ours = [
        (
            row["sync_block"],
            row["address"],
            row["is_taken"],
            row["owners"][0]["os_id"],
            row["recursion"],
            row["waiting"],
        )
        for row in rows
        if row["kind"] == "monitor"
    ]
    assert len(ours) == 3
    assert ours == theirs
    entered_again = [
        {"obj": row["address"], "thread": row["owners"][0]["os_id"], "recursion": row["recursion"] - 1}
        for row in rows
        if row["kind"] == "thin lock"
    ]
    assert entered_again
    assert entered_again == oracle("thinlocks", core)


def native_ids(core: Path) -> list[dict[str, Any]]:
    import dotdump

    with dotdump.open_core(core) as target:
        threads = dotdump.ClrRuntime.of(target).threads
        return [{"address": f"{thread.address:#x}", "os_id": thread.os_id} for thread in threads]


def test_the_deadlock_and_the_waiters_are_found_and_nothing_else(core: Path) -> None:
    found = locks_of(str(core))
    assert [sorted(circle) for circle in circles(found)] == [
        [("deadlock-a", "monitor", "deadlock-b"), ("deadlock-b", "monitor", "deadlock-a")]
    ]
    waits = {wait["thread"]["name"]: wait for wait in found["waits"]}
    assert sorted(waits) == ["deadlock-a", "deadlock-b", *WAITERS]
    assert [names(waits[name]["owners"]) for name in WAITERS] == [["lock-owner"]] * 3
    contended = next(row for row in found["locks"] if row["waiting"] == 3)
    assert names(contended["waiters"]) == WAITERS
    assert any(frame.startswith("Corpus.ThreadScenario.OwnContendedLock") for frame in contended["owner_frames"])
    assert found["starvation"] is None


def test_equal_stacks_are_one_group_with_what_it_waits_for(core: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        assert main(["stacks", str(core), "--parallel", "--format", "json"]) == 0
    groups = json.loads(out.getvalue())["groups"]
    (waiters,) = [group for group in groups if names(group["threads"]) == WAITERS]
    assert waiters["count"] == 3
    assert "waits to enter a monitor: System.Object" in waiters["waits"]
    assert waiters["waits"].endswith("lock-owner")
    told = {name: group["waits"] for group in groups for name in names(group["threads"])}
    assert (told["sleeper"], told["socket-accept"]) == ("sleeps", "waits for a socket")
    assert ".NET Timer" not in told
    assert [name for group in groups if group["more"] for name in names(group["threads"])] == ["deep"]


def test_groups_are_those_of_the_threads_that_were_asked_for_also_where_they_are_hidden(core: Path) -> None:
    def threads(*options: str) -> dict[int, dict[str, Any]]:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
            assert main(["stacks", str(core), "--parallel", "--format", "json", *options]) == 0
        groups = json.loads(out.getvalue())["groups"]
        return {thread["os_id"]: thread for group in groups for thread in group["threads"]}

    shown = threads()
    hidden = min(threads("--all").keys() - shown.keys())
    sleeper = next(thread for thread in shown.values() if thread["name"] == "sleeper")
    found = threads("--thread", str(hidden), "--thread", str(sleeper["managed_id"]))
    assert found.keys() == {hidden, sleeper["os_id"]}
    assert main(["stacks", str(core), "--parallel", "--thread", "999999"]) == 1


def test_a_process_that_runs_has_the_same_deadlock(tmp_path: Path) -> None:
    del tmp_path
    runtime = runtimes()[-1]
    with corpus(runtime, "threads") as running:
        assert len(circles(locks_of("-p", str(running.pid)))) == 1
        assert running.pause_ms() >= 0


def said_of_python(program: str, runtime: Runtime, folder: Path) -> dict[str, Any]:
    """Run a program in whose Python a .NET runtime is; return what is said of its locks, its own word as ``facts``."""
    with hosted(program, runtime, folder) as facts:
        createdump(runtime, facts["pid"], folder / "core")
    try:
        return {**locks_of(str(folder / "core")), "facts": facts, "major": runtime.major}
    finally:
        (folder / "core").unlink()


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def kinds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is said of a program whose threads wait for every kind of lock."""
    return said_of_python("lock_kinds.py", request.param, tmp_path_factory.mktemp("kinds"))


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_a_pool_that_starves_is_told_with_who_blocks_it_and_how_much_waits(runtime: Runtime, tmp_path: Path) -> None:
    found = said_of_python("pool_starvation.py", runtime, tmp_path)
    starvation, facts = found["starvation"], found["facts"]
    idle = 1 if runtime.major < 8 else 0  # one that 3.1 keeps beyond the limit, without a managed frame
    assert facts["workers"] <= starvation["workers"] <= facts["workers"] + idle
    assert starvation["queued"] == facts["queued"]
    assert len(starvation["blocked"]) == facts["workers"]


def test_a_deadlock_over_three_kinds_of_lock_is_named(kinds: dict[str, Any]) -> None:
    third = "Lock" if kinds["major"] >= 9 else "ReaderWriterLockSlim"
    assert [sorted(circle) for circle in circles(kinds)] == [
        [
            ("circle-a", "ReaderWriterLockSlim", "circle-b"),
            ("circle-b", third, "circle-c"),
            ("circle-c", "monitor", "circle-a"),
        ]
    ]


EXPECTED = {
    "semaphore": ("SemaphoreSlim", "System.Threading.SemaphoreSlim"),
    "event": ("ManualResetEventSlim", "System.Threading.ManualResetEventSlim"),
    "countdown": ("CountdownEvent", "System.Threading.CountdownEvent"),
    "pulse": ("Monitor.Wait", "System.Object"),
    "task": ("task", "System.Threading.Tasks.Task<System.Int32>"),
    "handle": ("wait handle", None),
    "joiner": ("thread", "System.Threading.Thread"),
}


def test_what_every_other_thread_waits_for_is_told(kinds: dict[str, Any]) -> None:
    waits = {wait["thread"]["name"]: wait for wait in kinds["waits"]}
    expected = dict(EXPECTED)
    if kinds["major"] < 8 and "handle" not in waits:  # it waits in the runtime itself, before it gets to WaitOne
        del expected["handle"]
    assert {name: (waits[name]["kind"], waits[name]["lock_type"]) for name in expected} == expected
    assert names(waits["joiner"]["owners"]) == ["joined"]
    assert {name: wait["thread"]["os_id"] for name, wait in waits.items()}.items() <= kinds["facts"]["ids"].items()


def test_what_the_locks_of_the_library_say_of_themselves_is_told(kinds: dict[str, Any]) -> None:
    rows = {names(row["waiters"])[0]: row for row in kinds["locks"] if row["waiters"]}
    assert all(row["is_taken"] and row["waiting"] == 1 for row in rows.values())
    assert rows["semaphore"]["state"] == "count 0 of 3"
    assert rows["countdown"]["state"] == "2 of 2 to go"
    assert rows["circle-a"]["state"] == "1 reader is in, waiting: 1 to write"
    assert rows["event"]["state"] == "not set"

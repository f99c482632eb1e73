"""The target dies or changes in the middle of a dump: what was copied stays readable, and nothing claims more."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from corpus import Runtime, corpus, runtimes
from dotdump.linux.proc import Proc
from dotdump.memory.region import Region
from dotdump.target.model import Target
from faults.dumper import collect_command, run_forked, run_struck
from faults.invariant import BLOCK, assert_unharmed, in_hand, settle_output, settled
from faults.ledger import Ledger
from native import Native, native

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]

MEGABYTES = 48
PAGE = 4096
CHANGES: dict[str, Callable[[Native], None]] = {
    "kill": lambda target: os.kill(target.pid, signal.SIGKILL),
    "exit": lambda target: say(target, "exit"),
    "exec": lambda target: say(target, "exec"),
    "fork": lambda target: say(target, "fork"),
    "unmap": lambda target: say(target, "unmap"),
    "thread": lambda target: say(target, "thread"),
}


def say(target: Native, word: str) -> None:
    assert target.process.stdin is not None
    target.process.stdin.write(f"{word}\n".encode())
    target.process.stdin.flush()


class Change:
    """What is done to ``target`` some seconds from now; ``held`` says whether a dumper had it in hand then."""

    def __init__(self, name: str, target: Native, seconds: float) -> None:
        self.held = False
        self._name, self._target, self._seconds = name, target, seconds
        self._thread = Thread(target=self._act)
        self._thread.start()

    def _act(self) -> None:
        time.sleep(self._seconds)
        self.held = in_hand(self._target.pid)
        CHANGES[self._name](self._target)

    def join(self) -> None:
        self._thread.join()


def filled_region(pid: int) -> Region:
    """Return the memory that the target has filled: each page starts with its own address."""
    return max((region for region in Proc(pid).maps() if not region.inode), key=lambda region: region.size)


def pages_are_right(filled: Region, change: str) -> Callable[[Target, str], None]:
    """Return a look at a core: what it holds of ``filled`` is what was there, and a complete core holds all of it.

    After an exec all of it is gone, after an unmap half of it.
    """

    def inspect(target: Target, word: str) -> None:
        held = 0
        for start in range(filled.start, filled.end, BLOCK):
            data = target.memory.read_available(start, min(BLOCK, filled.end - start))
            for page in range(0, len(data) - 7, PAGE):
                found = int.from_bytes(data[page : page + 8], "little")
                assert found in (start + page, 0), f"{found:#x} at {start + page:#x}"
                held += found == start + page
        pages = MEGABYTES * (1 << 20) // PAGE
        possible = {"exec": {0, pages}, "unmap": {pages // 2, pages}}.get(change, {pages})
        assert word != "complete" or held in possible, f"{held} of {pages} pages"

    return inspect


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_target_that_changes_in_mid_dump_gives_an_honest_file(method: str, change: str, tmp_path: Path) -> None:
    ledger = Ledger(f"target-{change}-{method}", full=90, sample=2)
    output, errors = tmp_path / "out", tmp_path / "errors"
    output.mkdir()
    with native("mortal", str(MEGABYTES)) as target:
        usual = run_forked(collect_command(target.pid, output / "core", method), errors).seconds
        look = pages_are_right(filled_region(target.pid), "")
        assert settle_output(output, "core", 0, look) == "complete"

    def trial(number: int) -> str:
        chance = random.Random(number * 10007)
        with native("mortal", str(MEGABYTES)) as target:
            words = collect_command(target.pid, output / "core", method)
            look = pages_are_right(filled_region(target.pid), change)
            acting = Change(change, target, chance.uniform(0, usual))
            ended = run_forked(words, errors)
            acting.join()
            assert "Traceback" not in ended.errors, ended.errors
            assert ended.code in (0, 1, 3), f"exit code {ended.code}: {ended.errors}"
            return settle_output(output, "core", ended.code, look) + " (held)" * acting.held

    ledger.run(trial)
    ledger.allow(0)


@pytest.mark.parametrize("runtime", [*runtimes()[-1:]], ids=lambda r: r.version)
@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
def test_threads_that_come_and_go_do_not_fail_a_dump(runtime: Runtime, method: str, tmp_path: Path) -> None:
    ledger = Ledger(f"churn-{method}", full=500, sample=4)
    errors, output = tmp_path / "errors", tmp_path / "out"
    output.mkdir()
    with corpus(runtime, "churn", workers=4) as target:

        def trial(_: int) -> str:
            ended = run_forked(collect_command(target.pid, output / "core", method), errors)
            word = settle_output(output, "core", ended.code)
            assert word == "complete", f"exit code {ended.code}: {ended.errors}"
            return word

        ledger.run(trial)
        assert target.pause_ms() >= 0
    ledger.allow(ledger.done // 1000)


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda blow: blow.name)
def test_interrupting_a_dump_ends_it_and_leaves_nothing(blow: signal.Signals, tmp_path: Path) -> None:
    ledger = Ledger("interrupted" if blow is signal.SIGINT else f"interrupted-{blow.name}", full=200, sample=6)
    output, errors = tmp_path / "out", tmp_path / "errors"
    output.mkdir()
    with native("mortal", str(MEGABYTES)) as target:
        usual = run_forked(collect_command(target.pid, output / "core", "ptrace"), errors).seconds
        settle_output(output, "core", 0)
        before = settled(target)

        def trial(number: int) -> str:
            words = collect_command(target.pid, output / "core", ("ptrace", "snapshot")[number % 2])
            ended = run_struck(words, errors, target.pid, random.Random(number).uniform(0, usual), blow)
            assert ended.code in (0, 1, -blow), f"exit code {ended.code}: {ended.errors}"
            assert "Traceback" not in ended.errors, ended.errors
            assert not assert_unharmed(target, before), "a dead twin is left behind"
            return settle_output(output, "core", ended.code) + " (held)" * ended.held

        ledger.run(trial)
    ledger.allow(0)

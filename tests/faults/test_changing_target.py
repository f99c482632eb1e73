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
from faults.dumper import collect_command, forked, run_forked
from faults.invariant import settle_output
from faults.ledger import Ledger
from native import Native, native

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]

MEGABYTES = 48
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


def later(seconds: float, change: Callable[[Native], None], target: Native) -> Thread:
    def act() -> None:
        time.sleep(seconds)
        change(target)

    thread = Thread(target=act)
    thread.start()
    return thread


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_target_that_changes_in_mid_dump_gives_an_honest_file(method: str, change: str, tmp_path: Path) -> None:
    ledger = Ledger(f"target-{change}-{method}", full=90, sample=2)
    output, errors = tmp_path / "out", tmp_path / "errors"
    output.mkdir()

    def trial(number: int) -> str:
        chance = random.Random(number * 10007)
        with native("mortal", str(MEGABYTES)) as target:
            words = collect_command(target.pid, output / "core", method)
            acting = later(chance.uniform(0, 0.12), CHANGES[change], target)
            ended = run_forked(words, errors)
            acting.join()
            assert "Traceback" not in ended.errors, ended.errors
            assert ended.code in (0, 1, 3), f"exit code {ended.code}: {ended.errors}"
            return settle_output(output, "core", ended.code)

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


def test_interrupting_a_dump_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    ledger = Ledger("interrupted", full=200, sample=6)
    output, errors = tmp_path / "out", tmp_path / "errors"
    output.mkdir()
    with native("mortal", str(MEGABYTES)) as target:

        def trial(number: int) -> str:
            method = ("ptrace", "snapshot")[number % 2]
            pid = forked(collect_command(target.pid, output / "core", method), errors)
            time.sleep(random.Random(number).uniform(0, 0.15))
            os.kill(pid, signal.SIGINT)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            assert code in (0, 1, -signal.SIGINT), f"exit code {code}: {errors.read_text()}"
            return settle_output(output, "core", code)

        ledger.run(trial)
        assert int(target.ask()) > 0
    ledger.allow(0)

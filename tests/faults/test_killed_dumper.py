"""SIGKILL of the dumper at random moments: the target must run on, whatever it was doing."""

import random
from pathlib import Path

import pytest

from faults.dumper import collect_command, run_forked, run_struck
from faults.invariant import assert_unharmed, settle_output, settled
from faults.ledger import Ledger
from native import native

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]

FULL = {1: 4000, 20: 4000, 400: 1500, 2000: 500}
SAMPLE = {1: 15, 20: 15, 400: 3, 2000: 1}


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
@pytest.mark.parametrize("threads", FULL)
def test_a_killed_dumper_leaves_the_target_running(method: str, threads: int, tmp_path: Path) -> None:
    ledger = Ledger(f"killed-{method}-{threads}-threads", full=FULL[threads], sample=SAMPLE[threads])
    output, errors = tmp_path / "out", tmp_path / "errors"
    output.mkdir()
    with native("threads", str(threads - 1)) as target:
        words = collect_command(target.pid, output / "core", method)
        whole = run_forked(words, errors)
        assert whole.code == 0, whole.errors
        settle_output(output, "core", 0)
        before = settled(target)
        chance = random.Random(threads)

        def trial(number: int) -> str:
            chance.seed(number * 10007 + threads)
            ended = run_struck(words, errors, target.pid, chance.uniform(0, whole.seconds * 1.1))
            zombies = assert_unharmed(target, before)
            word = settle_output(output, "core", ended.code) + " (held)" * ended.held
            if not zombies:
                return word
            again = run_forked(words, errors)
            settle_output(output, "core", again.code)
            assert not assert_unharmed(target, before), "the next dump did not reap what a killed one left"
            return f"{word}, then reaped"

        ledger.run(trial)
    ledger.allow(0)

"""Every system call of a dump fails in turn: the target is unharmed, the file honest, the exit code right."""

import random
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from corpus import missing
from faults.dumper import collect_command, run_traced
from faults.invariant import assert_unharmed, settle_output, settled
from faults.ledger import Ledger
from native import native

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]

ERRORS = ("EIO", "ENOSPC", "EPERM", "ENOSYS", "EINTR", "ESRCH", "EMFILE")
FAULTS = (*(f"error={name}" for name in ERRORS), "retval=1", "signal=SIGKILL")
SHORTENED = frozenset(("read", "pread64", "process_vm_readv"))
"""Calls that may do less than was asked; for others ``retval=1`` would be a lie that no kernel tells.

Of a call that writes it is one, too: ``strace`` says that a byte was written and writes none.
"""

START = "pidfd_open"
"""The first call of a dump that is not the interpreter's start-up."""

NOT_OURS = frozenset(("exit_group", "rt_sigreturn", "munmap", "brk", "madvise", "mprotect", "futex"))
"""The allocator's and the interpreter's own: their failure ends any program."""

MOST_OF_ONE_KIND = 60
"""Occurrences of one call that are tried, spread over all of them."""


def points(log: str) -> list[tuple[str, int]]:
    """Return (call, occurrence) for every call from ``START`` on, as strace counts them."""
    seen: Counter[str] = Counter()
    started = False
    found: dict[str, list[int]] = {}
    for line in log.splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if match is None:
            continue
        name = match.group(1)
        seen[name] += 1
        started |= name == START
        if started and name not in NOT_OURS:
            found.setdefault(name, []).append(seen[name])
    return [(name, number) for name, numbers in found.items() for number in spread(numbers)]


def spread(numbers: list[int]) -> list[int]:
    """Return at most ``MOST_OF_ONE_KIND`` of ``numbers``, first and last among them."""
    if len(numbers) <= MOST_OF_ONE_KIND:
        return numbers
    step = (len(numbers) - 1) / (MOST_OF_ONE_KIND - 1)
    return [numbers[round(index * step)] for index in range(MOST_OF_ONE_KIND)]


def pairs(words: list[str], output: Path, log: Path) -> list[str]:
    """Return every fault to inject, in strace's words, in an order that mixes calls and errors."""
    whole = run_traced(words, log=log)
    assert whole.code == 0, whole.errors
    settle_output(output, "core", 0)
    chosen = [
        f"{name}:{fault}:when={number}"
        for name, number in points(log.read_text())
        for fault in FAULTS
        if fault != "retval=1" or name in SHORTENED
    ]
    random.Random(0).shuffle(chosen)
    return chosen


IMPORTING = re.compile(r"^ +(?:from \S+ )?import .*\n(?: *[\^~]+\n)?(?=\S)", re.MULTILINE)
"""The innermost line of a traceback, where it is an import: its importer's own frames are left out for some errors."""
INNERMOST = re.compile(r'.*^  File "[^"]+", line \d+, in (\S+)$', re.MULTILINE | re.DOTALL)
"""Where it was raised: in the body of a module where it was not read in full, and what it had of it was run."""


def import_failed(errors: str) -> bool:
    """Return whether it was the interpreter's import of a module that failed: no program can go on from there."""
    if "Traceback" not in errors:
        return False
    innermost = INNERMOST.match(errors)
    in_module = innermost is not None and innermost[1] == "<module>"
    return in_module or "<frozen importlib" in errors or bool(IMPORTING.search(errors))


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
def test_no_failing_system_call_harms_the_target_or_makes_a_file_lie(method: str, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        missing("no strace")
    output = tmp_path / "out"
    output.mkdir()
    with native("threads", "3") as target:
        words = collect_command(target.pid, output / "core", method)
        faults = pairs(words, output, tmp_path / "log")
        ledger = Ledger(f"failing-calls-{method}", full=len(faults), sample=12)
        before = settled(target)

        def trial(number: int) -> str:
            fault = faults[number % len(faults)]
            ended = run_traced(words, inject=fault)
            try:
                zombies = assert_unharmed(target, before)
                word = settle_output(output, "core", ended.code)
                assert ended.code in (0, 1, 3, -9, 137), f"exit code {ended.code}: {ended.errors}"
                word += ", the interpreter could not import" if import_failed(ended.errors) else ""
                assert "Traceback" not in ended.errors or "import" in word, ended.errors[-600:]
            except AssertionError as error:
                raise AssertionError(f"{fault}: {error}") from error
            if zombies:
                assert run_traced(words).code == 0
                settle_output(output, "core", 0)
                assert_unharmed(target, before)
            return word

        ledger.run(trial)
    ledger.allow(0)


@pytest.mark.parametrize("method", ["ptrace", "snapshot"])
@pytest.mark.parametrize("name", ["core", "core.zst"])
def test_where_no_thread_can_be_started_a_plain_core_is_written_and_a_compressed_one_refused(
    method: str, name: str, tmp_path: Path
) -> None:
    if shutil.which("strace") is None:
        missing("no strace")
    output = tmp_path / "out"
    output.mkdir()
    with native("threads", "3") as target:
        before = settled(target)
        words = collect_command(target.pid, output / name, method)
        ended = run_traced(words, inject="clone,clone3:error=EAGAIN")
        assert "Traceback" not in ended.errors
        assert_unharmed(target, before)
        assert ended.code == (0 if name == "core" else 1), ended.errors
        assert (settle_output(output, name, ended.code) == "complete") == (name == "core")
        assert name == "core" or "no thread can be started" in ended.errors

"""dotdump as a child process that can be killed: forked from this one, so that a trial costs no start-up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dotdump.cli.commands.collect
import dotdump.dump.own_method  # noqa: F401 (what a forked dumper need not import again)
from dotdump.cli.main import main
from faults.invariant import in_hand

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 60.0


@dataclass(frozen=True)
class Ended:
    """How a dumper ended: ``code`` is its exit code, or minus the signal that killed it.

    ``held``: it was tracing or had forked its target when it was struck.
    """

    code: int
    seconds: float
    errors: str
    held: bool = False


def collect_command(pid: int, output: Path, method: str, *more: str) -> list[str]:
    """Return the words after ``dotdump`` of a full dump by one of our own methods."""
    return ["collect", "-p", str(pid), "-o", str(output), "--method", method, "--gc-wait", "0", *more]


def forked(words: list[str], errors: Path) -> int:
    """Start ``dotdump`` with ``words`` in a fork of this process and return its pid; stderr goes to ``errors``.

    Until ``main`` is called signals that end it are held back, for it is not dotdump yet; what then strikes outside of
    ``main`` ends it as Python ends a program.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    code = 70
    try:
        log = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor, source in ((0, null), (1, null), (2, log)):
            os.dup2(source, descriptor)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 (pytest's own streams are not ours to write to)
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115 - the process's own
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        code = main(words)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        os._exit(code)


def run_forked(words: list[str], errors: Path) -> Ended:
    """Run a forked dotdump to its end."""
    start = time.monotonic()
    return _ended(forked(words, errors), start, errors)


def run_struck(words: list[str], errors: Path, target: int, after: float, blow: int = signal.SIGKILL) -> Ended:
    """Run a forked dotdump that dumps process ``target``, and send it signal ``blow`` that many seconds later."""
    start = time.monotonic()
    pid = forked(words, errors)
    time.sleep(after)
    held = in_hand(target)
    os.kill(pid, blow)
    return _ended(pid, start, errors, held=held)


def _ended(pid: int, start: float, errors: Path, *, held: bool = False) -> Ended:
    status = _wait(pid, start + DEADLINE)
    return Ended(status, time.monotonic() - start, errors.read_text() if errors.exists() else "", held)


def _wait(pid: int, deadline: float) -> int:
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError(f"the dumper hung for {DEADLINE} s")
        time.sleep(0.001)


def run_traced(words: list[str], inject: str | None = None, log: Path | None = None) -> Ended:
    """Run dotdump under strace, with one fault injected (strace's ``inject=`` syntax) or its calls logged."""
    options = ["-f", "-qq", "-o", str(log or os.devnull)]
    if inject:
        options += ["--seccomp-bpf", "-e", f"trace={inject.partition(':')[0]}", "-e", f"inject={inject}"]
    start = time.monotonic()
    done = subprocess.run(
        ["strace", *options, sys.executable, "-m", "dotdump", *words],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Ended(done.returncode, time.monotonic() - start, done.stderr)

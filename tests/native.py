"""Small C programs of tests/targets as processes: compiled once with cc, started, asked, ended."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import corpus
from dotdump.linux.proc import Proc

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).parent / "targets"
READY_SECONDS = 30.0


class Native:
    """A running C program that said ``ready``. ``ask`` sends one line and returns the answer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def tids(self) -> set[int]:
        return {int(path.name) for path in Path(f"/proc/{self.pid}/task").iterdir()}

    def states(self) -> dict[int, str]:
        """Return the state letter of each thread."""
        return {tid: thread_field(self.pid, tid, 0) for tid in self.tids}

    def ask(self, line: str = "?", seconds: float = READY_SECONDS) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.read_line(seconds)

    def read_line(self, seconds: float = READY_SECONDS) -> str:
        assert self.process.stdout is not None
        descriptor, line, deadline = self.process.stdout.fileno(), bytearray(), time.monotonic() + seconds
        while not line.endswith(b"\n"):
            if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"{self.process.args!r} said nothing for {seconds} s")
            byte = os.read(descriptor, 1)
            if not byte:
                raise EOFError(f"{self.process.args!r} ended after {bytes(line)!r}")
            line += byte
        return line.decode().rstrip("\n")

    def end_children(self) -> None:
        for child in Proc(self.pid).children():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def end(self) -> None:
        if self.process.poll() is None:
            self.end_children()
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def thread_field(pid: int, tid: int, index: int) -> str:
    """Return a field of /proc/PID/task/TID/stat, counted from the state."""
    return Path(f"/proc/{pid}/task/{tid}/stat").read_text(errors="replace").rpartition(")")[2].split()[index]


@contextmanager
def native(name: str, *arguments: str, flags: tuple[str, ...] = ()) -> Iterator[Native]:
    """Compile tests/targets/NAME.c and run it until the block ends; it has printed its ready line."""
    process = subprocess.Popen([str(compiled(name, flags)), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    running = Native(process)
    try:
        assert running.read_line() == "ready"
        yield running
    finally:
        running.end()


@cache
def compiled(name: str, flags: tuple[str, ...] = ()) -> Path:
    """Return the program compiled from tests/targets/NAME.c; without a compiler skips at home and fails in CI."""
    compiler = shutil.which("cc")
    if compiler is None:
        corpus.missing("no C compiler (cc)")
    program = _directory() / "".join([name, *flags]).replace("/", "")
    source = SOURCES / f"{name}.c"
    subprocess.run([compiler, "-O2", "-g", "-Wall", *flags, "-o", str(program), str(source), "-pthread"], check=True)
    return program


@cache
def _directory() -> Path:
    directory = tempfile.TemporaryDirectory(prefix="dotdump-native-")
    _kept.append(directory)
    return Path(directory.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []

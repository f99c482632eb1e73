"""Real .NET processes with known answers: finds runtimes, starts Corpus on them, reads its line of facts."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ASSEMBLIES = Path(__file__).parent / "targets" / "bin"
READY_SECONDS = 60.0
QUIET_SECONDS, SETTLE_SECONDS = 0.02, 5.0


@dataclass(frozen=True)
class Runtime:
    """A DOTNET_ROOT. ``version`` is that of its one Microsoft.NETCore.App, such as ``8.0.4``."""

    root: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    @property
    def directory(self) -> Path:
        """Where libcoreclr.so, createdump and the DAC lie."""
        return self.root / "shared" / "Microsoft.NETCore.App" / self.version

    @property
    def assembly(self) -> Path:
        """The Corpus assembly built for this runtime, or the newest older one."""
        folder = "netcoreapp3.1" if self.major < 8 else "net8.0" if self.major < 10 else "net10.0"
        return ASSEMBLIES / folder / "Corpus.dll"

    def command(self, *arguments: str) -> list[str]:
        return [str(self.root / "dotnet"), str(self.assembly), *arguments]


@dataclass
class Corpus:
    """A running Corpus. ``facts`` is its ready line; ``ask`` sends one line and returns the answer."""

    process: subprocess.Popen[bytes]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(self, line: str, seconds: float = 30.0) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.read_line(seconds)

    def read_line(self, seconds: float) -> str:
        """Return the next line of its standard output; raises TimeoutError, or EOFError where it has ended."""
        assert self.process.stdout is not None
        descriptor, line, deadline = self.process.stdout.fileno(), bytearray(), time.monotonic() + seconds
        while not line.endswith(b"\n"):
            if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"Corpus {self.pid} said nothing for {seconds} s; so far {bytes(line)!r}")
            byte = os.read(descriptor, 1)
            if not byte:
                raise EOFError(f"Corpus {self.pid} ended after {bytes(line)!r}")
            line += byte
        return line.decode().rstrip("\n")

    def pause_ms(self) -> float:
        """Longest gap of its heartbeat since the last question, in milliseconds.

        What createdump wrote to the same standard output before is passed over.
        """
        answer = self.ask("pause?")
        while not answer.replace(".", "", 1).isdecimal():
            answer = self.read_line(30.0)
        return float(answer)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def socket_path(pid: int) -> Path:
    """The diagnostics socket of this very process: what an earlier one of the same number left has another key."""
    start_time = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return Path(os.environ.get("TMPDIR", "/tmp")) / f"dotnet-diagnostic-{pid}-{start_time}-socket"


@contextmanager
def corpus(
    where: Runtime | Path, scenario: str = "idle", *, environment: dict[str, str] | None = None, **keys: object
) -> Iterator[Corpus]:
    """Run a scenario on a runtime, or as the executable at a path, until the block ends; its main thread waits then."""
    with starting(where, scenario, environment=environment, **keys) as running:
        running.facts = json.loads(running.read_line(READY_SECONDS))
        _let_settle(running.pid)
        yield running


def _let_settle(pid: int) -> None:
    """Wait until the main thread has done nothing for a while: it makes itself ready to read first."""
    before, deadline = "", time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()
        switches = Path(f"/proc/{pid}/task/{pid}/status").read_text().partition("voluntary_ctxt_switches:")[2]
        now = f"{stat[0]} {stat[11:13]} {switches}"
        if now == before and stat[0] == "S":
            return
        before = now
        time.sleep(QUIET_SECONDS)


@contextmanager
def starting(
    where: Runtime | Path, scenario: str = "idle", *, environment: dict[str, str] | None = None, **keys: object
) -> Iterator[Corpus]:
    """Start a scenario as ``corpus`` does, and do not wait until it is ready."""
    words = [scenario, *(f"{key}={value}" for key, value in keys.items())]
    command = where.command(*words) if isinstance(where, Runtime) else [str(where), *words]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=corpus_environment() | (environment or {}),
    )
    running = Corpus(process)
    try:
        yield running
    finally:
        running.end()


def crash_dump_environment(core: Path, dump_type: int) -> dict[str, str]:
    """The environment in which a runtime has createdump write ``core`` when its program crashes; 2 is Heap, 4 Full."""
    return corpus_environment() | runtime_settings(
        DbgEnableMiniDump="1", DbgMiniDumpType=str(dump_type), DbgMiniDumpName=str(core)
    )


def runtime_settings(**values: str) -> dict[str, str]:
    """The environment variables that give a runtime of any version these settings."""
    return {f"{prefix}_{name}": value for prefix in ("DOTNET", "COMPlus") for name, value in values.items()}


COMPILED = runtime_settings(ReadyToRun="0")
"""All code is compiled at run time: threads wait for that, stubs stand on stacks, and Frames name their methods."""


def corpus_environment() -> dict[str, str]:
    """The environment of a Corpus process: ours, without .NET settings, plus what it needs here."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DOTNET_", "COMPlus_"))}
    return inherited | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "DOTNET_ROLL_FORWARD": "LatestMajor"}


@cache
def runtimes() -> tuple[Runtime, ...]:
    """Every runtime there is, oldest first: from packages, DOTDUMP_TEST_DOTNET_ROOTS, DOTNET_ROOT and PATH."""
    found: dict[str, Runtime] = {}
    for root in _roots():
        for directory in sorted((root / "shared" / "Microsoft.NETCore.App").glob("*.*.*")):
            if (directory / "libcoreclr.so").exists():
                found.setdefault(directory.name, Runtime(root, directory.name))
    return tuple(sorted(found.values(), key=lambda r: tuple(int(part) for part in r.version.split(".")[:3])))


def _roots() -> Iterator[Path]:
    for package, inside in (("dotnetcore2", "bin"), ("dnv", "net/runtime/.net")):
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or []) if spec else []:
            root = Path(location) / inside
            _restore_run_bits(root)
            yield root
    named = os.environ.get("DOTDUMP_TEST_DOTNET_ROOTS", "").split(":")
    yield from (Path(name) for name in [*named, os.environ.get("DOTNET_ROOT", "")] if name)
    if muxer := shutil.which("dotnet"):
        yield Path(muxer).resolve().parent


def _restore_run_bits(root: Path) -> None:
    for path in [root / "dotnet", *root.glob("shared/Microsoft.NETCore.App/*/createdump")]:
        if path.exists() and not os.access(path, os.X_OK):
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def missing(reason: str) -> NoReturn:
    """Something outside the project is not here: fail in CI, where everything must be; skip at home."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def executable(name: str) -> Path:
    """The Corpus of that name that is a program of its own, where there is one."""
    return executables().get(name) or missing(f"no {name} Corpus: DOTDUMP_TEST_TARGETS names no folder that has it")


def executables() -> dict[str, Path]:
    """Corpus as programs of their own (single-file, NativeAOT), by the name of their folder."""
    folders = [ASSEMBLIES, *(Path(p) for p in [os.environ.get("DOTDUMP_TEST_TARGETS", "")] if p)]
    return {path.parent.name: path for folder in folders for path in sorted(folder.glob("*/Corpus"))}

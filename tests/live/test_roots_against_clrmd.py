"""Segments, handles, finalizers and statics of real processes, as the commands print them, against ClrMD."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from corpus import Runtime, corpus, runtimes
from dotdump.cli.main import main
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live

SERVER = {"DOTNET_gcServer": "1", "DOTNET_GCHeapCount": "2", "COMPlus_gcServer": "1", "COMPlus_GCHeapCount": "2"}
COLLECTORS = {"workstation": {}, "server": SERVER, "standalone": {"DOTNET_GCName": "libclrgc.so"}}
CASES = [
    pytest.param((runtime, name), id=f"{runtime.version}-{name}")
    for runtime in runtimes()
    for name in COLLECTORS
    if name != "standalone" or runtime.major == 10
]


class Dump(NamedTuple):
    """A core, and what wrote it."""

    path: Path
    runtime: Runtime
    facts: dict[str, Any]

    def answer(self, *words: str) -> dict[str, Any]:
        """Return what a command of ours says of it."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert main([words[0], str(self.path), *words[1:], "--format", "json"]) == 0
        found: dict[str, Any] = json.loads(out.getvalue())
        assert found["problems"] == []
        return found


@pytest.fixture(scope="module", params=CASES)
def dump(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dump]:
    runtime, collector = request.param
    path = tmp_path_factory.mktemp("roots") / "core"
    with corpus(runtime, "all", environment=COLLECTORS[collector]) as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(path), str(running.pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        yield Dump(path, runtime, running.facts)
    path.unlink()


def test_segments_are_those_of_clrmd(dump: Dump) -> None:
    ours = dump.answer("segments")["segments"]
    keys = ("kind", "start", "end", "heap", "committed", "reserved")
    assert sorted(tuple(s[k] for k in keys) for s in ours) == sorted(
        tuple(s[k] for k in keys) for s in oracle("segments", dump.path)
    )

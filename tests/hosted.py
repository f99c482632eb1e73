"""A .NET runtime inside a Python process: programs of ``tests/targets`` that Corpus has no scenario for."""

from __future__ import annotations

import importlib.util
import json
import select
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus import corpus_environment, missing
from dotdump.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus import Runtime

TARGETS = Path(__file__).parent / "targets"
SECONDS = 60.0


@contextmanager
def hosted(program: str, runtime: Runtime, folder: Path, *words: object) -> Iterator[dict[str, Any]]:
    """Run ``tests/targets/PROGRAM`` in ``runtime`` and give the facts that it prints; it ends with the block."""
    if importlib.util.find_spec("pythonnet") is None:
        missing("pythonnet, in which a .NET runtime runs")
    config = folder / "runtimeconfig.json"
    framework = {"name": "Microsoft.NETCore.App", "version": runtime.version}
    config.write_text(json.dumps({"runtimeOptions": {"framework": framework}}))
    process = subprocess.Popen(
        [sys.executable, TARGETS / program, config, runtime.root, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=corpus_environment(),
    )
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], SECONDS)[0], "it says nothing"
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@contextmanager
def dumped(program: str, runtime: Runtime, folder: Path, *words: object) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give a Full dump of such a program, which has ended then, and its facts; the dump is there for the block."""
    core = folder / "core"
    with hosted(program, runtime, folder, *words) as facts:
        assert main(["collect", "-p", str(facts["pid"]), "-o", str(core), "--method", "ptrace"]) == 0
    yield core, facts
    core.unlink()

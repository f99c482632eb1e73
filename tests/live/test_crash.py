"""Why programs died that ended in known ways, told from the core that the runtime had written of them."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from corpus import COMPILED, Runtime, corpus, crash_dump_environment, runtimes
from dotdump.cli.main import main
from our_createdump import with_our_createdump

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

ENDS = {
    "crash-exception": ("unhandled exception", "Corpus.CrashScenario.Exception("),
    "crash-failfast": ("fail fast", "Corpus.CrashScenario.FailFast("),
    "crash-segv": ("access violation", "Corpus.CrashScenario.SegmentationFault("),
    "crash-stackoverflow": ("stack overflow", "Corpus.CrashScenario.StackOverflow("),
}
HEAP = 2
SLOW_DUMPS = (8, 9)
"""Their createdump takes minutes over the stack of a stack overflow: there it is ours that writes the core."""


def crash_of(core: Path) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        assert main(["crash", str(core), "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


CASES: list[tuple[Runtime, str, dict[str, str]]] = [
    *((runtime, end, {}) for runtime in runtimes() for end in ENDS),
    *((runtime, end, COMPILED) for runtime in runtimes()[-2:] for end in ENDS if end != "crash-stackoverflow"),
]


@pytest.mark.parametrize(
    ("runtime", "end", "settings"),
    CASES,
    ids=[f"{runtime.version}-{end}{'-compiled' if settings else ''}" for runtime, end, settings in CASES],
)
def test_how_a_program_ended_is_told(runtime: Runtime, end: str, settings: dict[str, str], tmp_path: Path) -> None:
    core = tmp_path / "core"
    slow = end == "crash-stackoverflow" and runtime.major in SLOW_DUMPS
    with with_our_createdump(runtime, tmp_path) if slow else contextlib.nullcontext(runtime) as used:
        environment = crash_dump_environment(core, HEAP) | settings
        subprocess.run(used.command(end), env=environment, capture_output=True, check=False, timeout=120)
    found = crash_of(core)
    cause, method = ENDS[end]
    assert (found["cause"], found["signal"]) == (cause, "SIGABRT")
    assert method in found["summary"]
    if end == "crash-exception":
        assert [row["type"] for row in found["exceptions"]] == [
            "Corpus.OrderNotFoundException",
            "System.ArgumentNullException",
        ]
        assert "order 99 was not found, caused by" in found["summary"]
    if end == "crash-failfast":
        assert found["message"] == "deliberate fail fast"
        assert [(row["type"], row["message"]) for row in found["exceptions"]] == [
            ("System.InvalidOperationException", "why")
        ]
    core.unlink()


@pytest.mark.parametrize("runtime", [*runtimes()[:1], *runtimes()[-1:]], ids=lambda runtime: runtime.version)
def test_a_process_that_was_only_dumped_did_not_crash(runtime: Runtime, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with corpus(runtime, "idle") as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(core), str(running.pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    found = crash_of(core)
    assert (found["cause"], found["problems"]) == ("none", [])
    assert found["end"].startswith("end of stack")
    core.unlink()

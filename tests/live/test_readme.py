"""Every fenced block of the README is run, in order, in one directory, with one .NET process there."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus import Corpus, corpus, missing, runtimes

pytestmark = pytest.mark.live

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
PICKS_A_PROCESS = "export PID="
FIRST_DUMP = "-o before.core"


@pytest.fixture
def leaking() -> Iterator[Corpus]:
    """A process with a leak, which leaks when it is asked to."""
    runtime = next((runtime for runtime in runtimes() if runtime.major >= 8), None)
    if runtime is None:
        missing("the README works on .NET 8 or newer")
    with corpus(runtime, "leak") as running:
        yield running


@pytest.fixture
def environment(tmp_path: Path, leaking: Corpus) -> dict[str, str]:
    programs = tmp_path / "bin"
    programs.mkdir()
    dotdump = programs / "dotdump"
    dotdump.write_text(f'#!/bin/sh\nexec {sys.executable} -m dotdump "$@"\n')
    dotdump.chmod(0o755)
    (programs / "python3").symlink_to(sys.executable)
    source = str(Path(__file__).parents[2] / "src")
    path = f"{programs}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": source, "PID": str(leaking.pid)}


def test_every_block_of_the_readme_runs_as_it_stands(
    environment: dict[str, str], tmp_path: Path, leaking: Corpus
) -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "python"}
    shown = ""
    for language, text in BLOCKS:
        start = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else [sys.executable, "-c"]
        script = textwrap.dedent(text)
        done = subprocess.run(
            [*start, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert done.stdout or PICKS_A_PROCESS in script or "completion" in script
        shown += done.stdout
        if FIRST_DUMP in script:
            leaking.ask("grow")
    assert "+10,000 objects, +320,000 bytes: static Corpus.LeakScenario.Cache -> " in shown

"""Every fenced block of the README and of docs/python.md is run, in order, in one directory, with one .NET process."""

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

ROOT = Path(__file__).parents[2]
PICKS_A_PROCESS = "export PID="
FIRST_DUMP = "-o before.core"


def _blocks(path: Path) -> list[tuple[str, str]]:
    """Language and text of each block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)


BLOCKS = _blocks(ROOT / "README.md")
IN_PYTHON = _blocks(ROOT / "docs" / "python.md")


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
    source = str(ROOT / "src")
    path = f"{programs}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": source, "PID": str(leaking.pid)}


def test_every_block_of_the_readme_and_of_the_guide_to_python_runs_as_it_stands(
    environment: dict[str, str], tmp_path: Path, leaking: Corpus
) -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "python"}
    assert {language for language, _ in IN_PYTHON} == {"python"}
    at_once = "\n".join(text for _, text in IN_PYTHON)
    shown = ""
    for language, text in [*BLOCKS, ("python", at_once)]:
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

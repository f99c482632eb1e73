"""Programs published with a runtime of their own, whose folder names no version: every dump of one is read as it is.

The older runtimes are tried: without a version one is taken for the newest.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from answers import asked
from corpus import Corpus, Runtime, corpus, runtimes
from dotdump.ipc.processes import find_processes
from hosted import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("self contained")]

SCENARIO = "Corpus.ThreadScenario"
METHODS = [("ptrace", "mini"), ("runtime", "mini"), ("runtime", "heap")]


@pytest.fixture(scope="module", params=runtimes()[:2], ids=lambda runtime: runtime.version)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    found: Runtime = request.param
    return found


@pytest.fixture(scope="module")
def program(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    """Corpus with all that it needs in one folder."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(runtime.directory, folder, dirs_exist_ok=True)
    shutil.copy(runtime.assembly, folder)
    start = folder / "start"
    host = shlex.join([sys.executable, str(TARGETS / "self_contained.py"), str(folder)])
    start.write_text(f'#!/bin/sh\nexec {host} "$@"\n')
    start.chmod(0o700)
    with corpus(start, "all") as running:
        yield running


def frames_of(core: Path) -> dict[int, list[str]]:
    """Return the managed methods on the stack of each thread that stands where the scenario put it."""
    stacks = {
        thread["os_id"]: [frame["method"] for frame in thread["frames"] if frame["kind"] == "managed"]
        for thread in asked("stacks", str(core))["threads"]
    }
    return {thread: methods for thread, methods in stacks.items() if SCENARIO in " ".join(methods)}


@pytest.fixture(scope="module")
def full(program: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    core = tmp_path_factory.mktemp("full") / "core"
    asked("collect", "-p", str(program.pid), "-o", str(core))
    return core


def test_its_version_is_known(program: Corpus, runtime: Runtime) -> None:
    (found,) = [process for process in find_processes(timeout=10.0) if process.pid == program.pid]
    assert found.version in (runtime.version, "" if runtime.major < 5 else runtime.version)


@pytest.mark.parametrize(("method", "kind"), METHODS, ids=map("-".join, METHODS))
def test_a_dump_is_read_as_of_its_version(
    program: Corpus, runtime: Runtime, full: Path, method: str, kind: str
) -> None:
    core = full.with_name(f"{method}-{kind}")
    asked("collect", "-p", str(program.pid), "-o", str(core), "--method", method, "--type", kind)
    (found,) = asked("info", str(core))["runtimes"]
    release = "3.1" if runtime.major < 5 else runtime.version
    assert (found["version"], found["known"]) == (release, True)
    found_in_full = frames_of(full)
    assert len(found_in_full) > 5
    assert frames_of(core) == found_in_full

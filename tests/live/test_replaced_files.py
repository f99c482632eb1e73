"""Programs whose files were replaced or removed while they run, as updates do it: nothing of them is lost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from answers import asked
from corpus import Corpus, Runtime, corpus, runtimes
from dotdump.ipc.processes import find_processes
from dotdump.target.core import open_core

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live


@pytest.fixture(params=["replaced", "removed"])
def updated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Corpus]:
    """A program whose runtime's files are no longer those that it has mapped."""
    newest = runtimes()[-1]
    runtime = Runtime(tmp_path / "dotnet", newest.version)
    shutil.copytree(newest.root, runtime.root, symlinks=True)
    with corpus(runtime) as running:
        for file in runtime.directory.iterdir():
            if request.param == "replaced":
                shutil.copy(file, tmp_path / "new")
                (tmp_path / "new").replace(file)
            else:
                file.unlink()
        yield running


def test_the_runtime_is_known(updated: Corpus) -> None:
    (found,) = [process for process in find_processes(timeout=10.0) if process.pid == updated.pid]
    assert (found.runtime, found.version) == ("coreclr", runtimes()[-1].version)
    findings = {row["name"]: row for row in asked("doctor", "-p", str(updated.pid))["findings"]}
    assert findings["runtime"]["seen"].endswith("libcoreclr.so (deleted)")
    assert "createdump" in findings


@pytest.mark.parametrize("kind", ["full", "heap", "mini"])
def test_a_core_of_it_is_whole(updated: Corpus, kind: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    result = asked("collect", "-p", str(updated.pid), "-o", str(core), "--type", kind)
    assert kind != "mini" or "removed or replaced" in result["why"]
    assert "runtime" in [row["check"] for row in asked("verify", str(core))["findings"]]
    with open_core(core) as target:
        (module,) = [module for module in target.modules if module.name == "libcoreclr.so"]
        assert module.path.endswith("libcoreclr.so (deleted)")
    threads = asked("stacks", str(core))["threads"]
    methods = [frame.get("method") or "" for thread in threads for frame in thread["frames"]]
    assert any(method.startswith("Corpus.") for method in methods)

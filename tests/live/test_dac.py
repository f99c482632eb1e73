"""The native DAC in its process: what it says is what ClrMD says, and it may die without harm."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import dotdump
from corpus import Runtime, corpus, runtimes
from dotdump.cli.main import main
from dotdump.clr.dac.native_dac import NativeDac, find_dac
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.errors import DacFailed, NotFound
from dotdump.formats.runtime_files import DAC_FILE, RUNTIME_FILE
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("dac")]


class Opened(NamedTuple):
    runtime: ClrRuntime
    path: Path

    def dac(self, seconds: float = 60.0) -> NativeDac:
        module = self.runtime.module
        return NativeDac(self.runtime.target, module, find_dac(module), seconds=seconds)


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    runtime: Runtime = request.param
    path = tmp_path_factory.mktemp("dac") / "core"
    with corpus(runtime, "all") as running, dotdump.open_process(running.pid) as process:
        dotdump.write_core(process, path)
    with dotdump.open_core(path) as core:
        yield Opened(ClrRuntime.of(core), path)
    path.unlink()


def test_threads_and_frames_are_those_of_clrmd(opened: Opened) -> None:
    theirs: dict[int, Any] = {thread["managed"]: thread for thread in oracle("threads", opened.path)}
    with opened.dac() as dac:
        threads = dac.threads()
        assert {thread.managed_id: thread.os_id for thread in threads} == {k: t["os"] for k, t in theirs.items()}
        for thread in threads:
            ours = [(f.ip, f.sp) for f in dac.stack(thread.os_id) if not f.frame]
            expected = [f for f in theirs[thread.managed_id]["frames"] if f["kind"] == "ManagedMethod" and f["method"]]
            assert ours == [(int(f["ip"], 16), int(f["sp"], 16)) for f in expected]


def test_threads_are_those_that_we_find_ourselves(opened: Opened) -> None:
    with opened.dac() as dac:
        theirs = {(t.address, t.managed_id, t.os_id, t.cooperative, t.allocation) for t in dac.threads()}
    ours = ((thread.record, thread.allocation_context) for thread in opened.runtime.threads)
    assert theirs == {(r.address, r.managed_id, r.os_id, r.cooperative, allocation) for r, allocation in ours}


def test_stacks_use_dac_shows_its_frames(opened: Opened) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["stacks", str(opened.path), "--use-dac", "--format", "json"]) == 0
    theirs = json.loads(out.getvalue())["threads"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["stacks", str(opened.path), "--format", "json"]) == 0
    ours = {thread["os_id"]: thread for thread in json.loads(out.getvalue())["threads"]}
    compared = 0
    for thread in theirs:
        managed = [(f["ip"], f["sp"]) for f in thread["frames"] if f["kind"] == "managed" and f["method"]]
        expected = [(f["ip"], f["sp"]) for f in ours[thread["os_id"]]["frames"] if f["kind"] == "managed"]
        assert managed == expected
        compared += len(managed)
    assert compared > 200


def test_handles_are_those_that_we_find_ourselves(opened: Opened) -> None:
    with opened.dac() as dac:
        theirs = {handle.address for handle in dac.handles()}
    assert theirs == {handle.address for handle in opened.runtime.handles()}


def test_a_worker_that_dies_is_an_error_and_leaves_nothing(opened: Opened) -> None:
    with opened.dac() as dac:
        pid = dac._process.pid
        os.kill(pid, signal.SIGSEGV)
        with pytest.raises(DacFailed, match="SIGSEGV"):
            dac.threads()
        with pytest.raises(DacFailed, match="gone"):
            dac.threads()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_that_hangs_is_killed_at_its_deadline(opened: Opened) -> None:
    with opened.dac(seconds=20.0) as dac:
        pid = dac._process.pid
        os.kill(pid, signal.SIGSTOP)
        dac._seconds = 0.2
        start = time.monotonic()
        with pytest.raises(DacFailed, match="within its time"):
            dac.threads()
        assert time.monotonic() - start < 10
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_worker_takes_no_module_from_the_directory_that_it_is_in(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dotdump", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    with opened.dac() as dac:
        assert dac.threads()


def test_a_dac_of_another_build_is_never_loaded(opened: Opened, tmp_path: Path) -> None:
    others = [runtime for runtime in runtimes() if runtime.version != opened.runtime.version]
    module = opened.runtime.module
    folder = tmp_path / module.path.rpartition("/")[0].lstrip("/")
    folder.mkdir(parents=True)
    for name in (RUNTIME_FILE, DAC_FILE):
        shutil.copy(others[0].directory / name, folder)
    assert not find_dac(module, [str(tmp_path)]).startswith(str(tmp_path))


class _Elsewhere:
    """A runtime of a machine that this is not."""

    path = "/nowhere/shared/libcoreclr.so"
    base, end, data_end = 0x1000, 0x2000, 0x2000
    build_id = bytes(20)

    def find_symbol(self, name: str) -> int | None:
        raise NotImplementedError(name)

    def symbol_at(self, address: int) -> tuple[str, int] | None:
        raise NotImplementedError(address)


def test_a_runtime_that_is_not_here_has_no_dac() -> None:
    with pytest.raises(NotFound, match="build-id"):
        find_dac(_Elsewhere())

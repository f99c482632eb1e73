import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dotdump.errors import CollectError, NotFound, ProcessGone
from dotdump.linux.identity import ProcessIdentity
from dotdump.linux.proc import Proc


@contextmanager
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_running_process_is_held_and_its_start_time_known() -> None:
    with child() as process, ProcessIdentity.open(process.pid) as identity:
        identity.check()
        assert not identity.poll()
        assert identity.start_time == Proc(process.pid).stat().start_time


def test_who_may_open_no_more_files_is_told_so_and_of_no_missing_process() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(CollectError, match=r"may open no more files \(Too many open files\)$") as raised:
            ProcessIdentity.open(os.getpid())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "ulimit -n" in (raised.value.hint or "")


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "zombie"])
@pytest.mark.parametrize("pidfd", [True, False], ids=["pidfd", "directory"])
def test_a_process_that_ends_is_noticed(pidfd: bool, reaped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    with child() as process, ProcessIdentity.open(process.pid) as identity:
        assert (identity.pidfd is not None) == pidfd
        assert not identity.poll(0.01)
        process.kill()
        if reaped:
            process.wait()
        assert identity.poll(10)
        with pytest.raises(ProcessGone, match="has ended"):
            identity.check()


LEADER_ENDS = """
import ctypes, threading
threading.Thread(target=input).start()
ctypes.CDLL(None).syscall(60, 0)
"""


@pytest.mark.parametrize("pidfd", [True, False], ids=["pidfd", "directory"])
def test_a_process_whose_main_thread_has_ended_lives_as_long_as_the_others(
    pidfd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    with subprocess.Popen([sys.executable, "-S", "-c", LEADER_ENDS], stdin=subprocess.PIPE) as process:
        try:
            while not Proc(process.pid).stat().has_ended:
                time.sleep(0.001)
            with ProcessIdentity.open(process.pid) as identity:
                assert not identity.poll(0.05)
                process.kill()
                assert identity.poll(10)
        finally:
            process.kill()


@pytest.mark.parametrize("pid", [0, -1, 1 << 31, 1 << 70])
def test_a_number_that_no_process_can_have_is_refused(pid: int) -> None:
    with pytest.raises(NotFound):
        ProcessIdentity.open(pid)


def test_a_pid_that_is_not_in_use_is_gone() -> None:
    with child() as process:
        pass
    with pytest.raises(ProcessGone, match=str(process.pid)):
        ProcessIdentity.open(process.pid)


def test_a_thread_is_not_a_process_and_the_hint_names_the_process() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        assert thread.native_id is not None
        with pytest.raises(NotFound, match=f"thread of process {os.getpid()}") as caught:
            ProcessIdentity.open(thread.native_id)
        assert caught.value.hint == f"use -p {os.getpid()}"
    finally:
        release.set()
        thread.join()


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_nothing_stays_open() -> None:
    before = open_descriptors()
    for _ in range(3):
        with ProcessIdentity.open(os.getpid()) as identity:
            identity.close()
        with pytest.raises(NotFound):
            ProcessIdentity.open(0)
    assert open_descriptors() == before

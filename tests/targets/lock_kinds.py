"""A .NET runtime in Python whose threads wait for every kind of lock, three of them in a circle of three kinds.

``lock_kinds.py RUNTIMECONFIG DOTNET_ROOT`` prints a line of facts once all of them wait, and ends with its input.
Corpus has monitors only: this is for what the library makes of objects.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from clr_loader import get_coreclr
from pythonnet import set_runtime

if TYPE_CHECKING:
    from collections.abc import Callable

set_runtime(get_coreclr(runtime_config=sys.argv[1], dotnet_root=sys.argv[2]))

import clr

clr.AddReference("System.Private.CoreLib")

from System import Environment, Object
from System.Threading import (
    CountdownEvent,
    ManualResetEvent,
    ManualResetEventSlim,
    Monitor,
    ReaderWriterLockSlim,
    SemaphoreSlim,
    Thread,
)
from System.Threading.Tasks import TaskCompletionSource

WAITING = 32
LIMIT = 30.0

ids: dict[str, int] = {}
threads: dict[str, Any] = {}


def start(name: str, body: Callable[[], object]) -> None:
    def run() -> None:
        Thread.CurrentThread.Name = name
        ids[name], threads[name] = threading.get_native_id(), Thread.CurrentThread
        body()

    threading.Thread(target=run, daemon=True).start()


def wait_until(condition: Callable[[], bool], *, times: int = 1) -> None:
    """Wait until a condition holds ``times`` times in a row: a thread waits now and then on its way, too."""
    end, held = time.monotonic() + LIMIT, 0
    while held < times:
        held = held + 1 if condition() else 0
        if time.monotonic() > end:
            sys.exit(f"not all of them wait after {LIMIT} s")
        time.sleep(0.01)


def circle(*, enter_third: Callable[[], object], own_third: Callable[[], object]) -> None:
    """A monitor's owner waits to write, its reader for the third lock, that one's owner for the monitor."""
    monitor, lock, all_have = Object(), ReaderWriterLockSlim(), threading.Barrier(3)

    def part(own: Callable[[], object], wait: Callable[[], object]) -> Callable[[], object]:
        def body() -> None:
            own()
            all_have.wait()
            wait()

        return body

    start("circle-a", part(lambda: Monitor.Enter(monitor), lock.EnterWriteLock))
    start("circle-b", part(lock.EnterReadLock, enter_third))
    start("circle-c", part(own_third, lambda: Monitor.Enter(monitor)))


if Environment.Version.Major >= 9:
    from System.Threading import Lock

    plain = Lock()
    circle(enter_third=plain.Enter, own_third=plain.Enter)
else:
    other = ReaderWriterLockSlim()
    circle(enter_third=other.EnterReadLock, own_third=other.EnterWriteLock)

pulsed = Object()


def wait_for_pulse() -> None:
    Monitor.Enter(pulsed)
    Monitor.Wait(pulsed)


semaphore, event, countdown = SemaphoreSlim(0, 3), ManualResetEventSlim(initialState=False), CountdownEvent(2)
source, handle = TaskCompletionSource[int](), ManualResetEvent(initialState=False)
start("semaphore", semaphore.Wait)
start("event", event.Wait)
start("countdown", countdown.Wait)
start("pulse", wait_for_pulse)
start("task", source.Task.Wait)
start("handle", handle.WaitOne)
start("joined", lambda: Thread.Sleep(-1))
wait_until(lambda: "joined" in threads)
start("joiner", threads["joined"].Join)
wait_until(
    lambda: len(threads) == 11 and all(int(each.ThreadState) & WAITING for each in list(threads.values())), times=60
)
facts = {"ready": "locks", "pid": os.getpid(), "version": str(Environment.Version), "ids": ids}
sys.stdout.write(f"{json.dumps(facts)}\n")
sys.stdout.flush()
sys.stdin.read()
os._exit(0)

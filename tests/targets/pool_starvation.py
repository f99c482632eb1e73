"""A .NET runtime in Python whose thread pool starves: its threads wait for a task while other work is queued.

``pool_starvation.py RUNTIMECONFIG DOTNET_ROOT`` prints a line of facts once that is so, and ends with its input.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from clr_loader import get_coreclr
from pythonnet import set_runtime

set_runtime(get_coreclr(runtime_config=sys.argv[1], dotnet_root=sys.argv[2]))

import clr

clr.AddReference("System.Private.CoreLib")

from System import Environment
from System.Threading import ThreadPool, WaitCallback
from System.Threading.Tasks import TaskCompletionSource

ITEMS = 50
LIMIT = 30.0

workers = int(Environment.ProcessorCount)
ThreadPool.SetMaxThreads(workers, workers)
source, started = TaskCompletionSource[int](), threading.Semaphore(0)


def block(_state: object) -> None:
    started.release()
    source.Task.Wait()


callback = WaitCallback(block)
for _ in range(ITEMS):
    ThreadPool.QueueUserWorkItem(callback)
for _ in range(workers):
    if not started.acquire(timeout=LIMIT):
        sys.exit(f"the pool's {workers} threads did not start within {LIMIT} s")
threading.Event().wait(0.5)
facts = {"ready": "starvation", "pid": os.getpid(), "workers": workers, "queued": ITEMS - workers}
sys.stdout.write(f"{json.dumps(facts)}\n")
sys.stdout.flush()
sys.stdin.read()
os._exit(0)

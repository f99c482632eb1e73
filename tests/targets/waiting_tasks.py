"""A .NET runtime in Python in which asynchronous methods of the library wait, in every way that tasks are chained.

``waiting_tasks.py RUNTIMECONFIG DOTNET_ROOT`` prints a line of facts once all of them wait, and ends with its input.
Corpus has chains of three methods only: this is for tasks between methods, for several that wait for one, for value
tasks and for threads that wait.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from clr_loader import get_coreclr
from pythonnet import set_runtime

set_runtime(get_coreclr(runtime_config=sys.argv[1], dotnet_root=sys.argv[2]))

import clr

for name in ("System.Private.CoreLib", "System.Net.Sockets", "System.Net.Http", "System.Private.Uri"):
    clr.AddReference(name)

from System import Action, Array, Byte, TimeSpan, Uri
from System.IO import Stream
from System.Net import IPAddress
from System.Net.Http import HttpClient
from System.Net.Sockets import TcpClient, TcpListener
from System.Threading import SemaphoreSlim
from System.Threading.Tasks import Task

HOUR = TimeSpan.FromHours(1)
SETTLED = 0.5
"""Seconds until a method that has sent its request waits for the answer."""

listener = TcpListener(IPAddress.Loopback, 0)
listener.Start()
port = listener.LocalEndpoint.Port

# two wait for one task of both, one for a continuation
semaphore = SemaphoreSlim(0)
entries = [semaphore.WaitAsync(HOUR) for _ in range(3)]
both = Task.WhenAll(entries[0], entries[1])
then = entries[2].ContinueWith(Action[Task](lambda _: None))

# nothing comes from this socket
quiet = TcpClient("127.0.0.1", port)
copy = quiet.GetStream().CopyToAsync(Stream.Null)
silent = listener.AcceptTcpClient()

# nobody answers this request: methods of System.Net.Http in each other wait for a socket
client = HttpClient()
request = client.GetStringAsync(Uri(f"http://127.0.0.1:{port}/never"))
server = listener.AcceptTcpClient()
server.GetStream().Read(Array.CreateInstance(Byte, 1), 0, 1)

# a thread waits for this one
waited = SemaphoreSlim(0).WaitAsync(HOUR)
threading.Thread(target=waited.Wait, daemon=True).start()

time.sleep(SETTLED)
sys.stdout.write(json.dumps({"pid": os.getpid()}) + "\n")
sys.stdout.flush()
sys.stdin.read()

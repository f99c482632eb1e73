"""``ReversedServer``: a diagnostic port that runtimes connect to, and clients of the runtimes that did.

A runtime started with ``DOTNET_DiagnosticPorts=PATH`` connects, says who it is, and waits for one command; after it
the runtime connects again. So there is one waiting connection a runtime, and a command uses it up. No thread: what
comes in is taken while somebody waits for something, and until then it waits in the kernel's queue.
Anybody who may open the socket can lie: what is said of the pid must be what the kernel says, a cookie stays with the
process that brought it first, and everything is bounded. Source of truth: ``ReversedDiagnosticsServer.cs``.
"""

from __future__ import annotations

import os
import select
from collections import OrderedDict

from dotdump.closing import Closing
from dotdump.errors import DotdumpError, ProtocolError, ServerUnavailable
from dotdump.ipc.advertise import SECONDS, AdvertiseDecoder
from dotdump.ipc.client import DEFAULT_TIMEOUT, DiagnosticsClient
from dotdump.ipc.listener import Listener
from dotdump.ipc.transport import Channel, Deadline
from dotdump.linux.proc import Proc
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.ipc.advertise import Advertise

MOST_RUNTIMES = 1024
MOST_UNNAMED = 64
"""Connections that have not said yet who they are: when one more comes, the oldest has to go."""


@record
class AdvertisedRuntime:
    """A runtime that connected: ``pid`` as we see it, ``namespace_pid`` as it does, ``cookie`` its GUID."""

    cookie: str
    pid: int
    namespace_pid: int


class ReversedServer(Closing):
    """Listens on ``path`` until closed; see the module. Raises ``ServerUnavailable`` where it cannot listen.

    ``dropped`` counts connections that were no runtime's: wrong or half an advertise, silence, a lie about the pid.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.dropped = 0
        self._listener = Listener(path)
        self._poll = select.poll()
        self._poll.register(self._listener, select.POLLIN)
        self._unnamed: OrderedDict[int, _Unnamed] = OrderedDict()
        self._runtimes: dict[str, AdvertisedRuntime] = {}
        self._streams: dict[str, Channel] = {}
        self._new: list[AdvertisedRuntime] = []

    @property
    def runtimes(self) -> tuple[AdvertisedRuntime, ...]:
        """Every runtime that ever connected and was not forgotten, oldest first."""
        return tuple(self._runtimes.values())

    def accept(self, timeout: float = DEFAULT_TIMEOUT) -> AdvertisedRuntime:
        """Return the next runtime that connects for the first time; raises ``ServerSilent`` where none does."""
        deadline = Deadline(timeout)
        while not self._new:
            self._take(deadline, f"waiting for a runtime to connect to {self.path}")
        return self._new.pop(0)

    def client(self, cookie: str, timeout: float = DEFAULT_TIMEOUT) -> DiagnosticsClient:
        """Return a client of a runtime that connected; raises ``ServerUnavailable`` for an unknown cookie."""
        if cookie not in self._runtimes:
            raise ServerUnavailable(f"no runtime with cookie {cookie} has connected to {self.path}")
        return DiagnosticsClient(_ReversedEndpoint(self, cookie), timeout)

    def forget(self, cookie: str) -> None:
        """Drop a runtime and its waiting connection; should it connect again it is new."""
        self._runtimes.pop(cookie, None)
        self._new = [runtime for runtime in self._new if runtime.cookie != cookie]
        if stream := self._streams.pop(cookie, None):
            stream.close()

    def take_stream(self, cookie: str, deadline: Deadline) -> Channel:
        """Return the waiting connection of a runtime, waiting for it to connect again where it must."""
        doing = f"waiting for runtime {cookie} to connect again to {self.path}"
        while True:
            stream = self._streams.pop(cookie, None)
            if stream is None:
                self._take(deadline, doing)
            elif _has_ended(stream):
                stream.close()
            else:
                return stream

    def close(self) -> None:
        """Stop listening and drop every connection; a suspended runtime goes on waiting for a port."""
        self._listener.close()
        for unnamed in self._unnamed.values():
            unnamed.channel.close()
        for stream in self._streams.values():
            stream.close()
        self._unnamed.clear()
        self._streams.clear()

    def _take(self, deadline: Deadline, doing: str) -> None:
        """Take what comes in, once; returns early where an unnamed connection has run out of time."""
        left = deadline.require(doing)
        if self._unnamed:
            left = min(left, next(iter(self._unnamed.values())).deadline.remaining)
        for descriptor, _ in self._poll.poll(left * 1000 + 1):
            if descriptor == self._listener.fileno():
                self._accept_one()
            elif descriptor in self._unnamed:
                self._hear(self._unnamed[descriptor])
        while self._unnamed and not (oldest := next(iter(self._unnamed.values()))).deadline.remaining:
            self._drop(oldest)

    def _accept_one(self) -> None:
        connection = self._listener.accept()
        if connection is None:
            return
        if len(self._unnamed) >= MOST_UNNAMED:
            self._drop(next(iter(self._unnamed.values())))
        unnamed = _Unnamed(Channel(connection, f"a peer of {self.path}"))
        self._unnamed[connection.fileno()] = unnamed
        self._poll.register(connection.fileno(), select.POLLIN)

    def _hear(self, unnamed: _Unnamed) -> None:
        try:
            data = unnamed.channel.receive(unnamed.decoder.wanted + 1, unnamed.deadline)
            advertise = unnamed.decoder.feed(data) if data else None
            if data and advertise is None:
                return
            runtime = _known_to_the_kernel(advertise, unnamed.channel) if advertise else None
        except ProtocolError:
            runtime = None
        if runtime is None or not self._may_enter(runtime):
            self._drop(unnamed)
            return
        self._forget_unnamed(unnamed)
        self._enter(runtime, unnamed.channel)

    def _may_enter(self, runtime: AdvertisedRuntime) -> bool:
        known = self._runtimes.get(runtime.cookie)
        return known == runtime if known else len(self._runtimes) < MOST_RUNTIMES

    def _enter(self, runtime: AdvertisedRuntime, stream: Channel) -> None:
        stream.name = f"process {runtime.pid} through {self.path}"
        if runtime.cookie not in self._runtimes:
            self._runtimes[runtime.cookie] = runtime
            self._new.append(runtime)
        if old := self._streams.pop(runtime.cookie, None):
            old.close()
        self._streams[runtime.cookie] = stream

    def _drop(self, unnamed: _Unnamed) -> None:
        self.dropped += 1
        self._forget_unnamed(unnamed)
        unnamed.channel.close()

    def _forget_unnamed(self, unnamed: _Unnamed) -> None:
        self._poll.unregister(unnamed.channel.fileno())
        del self._unnamed[unnamed.channel.fileno()]


class _Unnamed:
    """A connection that has not said yet who it is, and how long it may take to."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.decoder = AdvertiseDecoder()
        self.deadline = Deadline(SECONDS)


class _ReversedEndpoint:
    """Gives out the connections of one runtime as they come."""

    def __init__(self, server: ReversedServer, cookie: str) -> None:
        self._server = server
        self._cookie = cookie

    def connect(self, deadline: Deadline) -> Channel:
        return self._server.take_stream(self._cookie, deadline)


def _known_to_the_kernel(advertise: Advertise, channel: Channel) -> AdvertisedRuntime | None:
    """Return who connected where the kernel agrees with what it says, else None.

    A peer that the kernel calls 0 is outside our pid namespace: its word is taken for the pid, its user is not.
    """
    peer = channel.peer()
    if peer.uid not in (os.geteuid(), 0):
        return None
    if peer.pid == 0:
        return AdvertisedRuntime(advertise.cookie, 0, advertise.pid)
    try:
        own_pid = Proc(peer.pid).status().namespace_pid
    except DotdumpError:
        return None
    return AdvertisedRuntime(advertise.cookie, peer.pid, advertise.pid) if own_pid == advertise.pid else None


def _has_ended(stream: Channel) -> bool:
    """Return whether there is something to read: a runtime that waits for a command says nothing, so it is gone."""
    readiness = select.poll()
    readiness.register(stream, select.POLLIN)
    return bool(readiness.poll(0))

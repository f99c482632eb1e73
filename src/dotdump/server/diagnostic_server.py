"""``DiagnosticServer``: one thread that listens, connects, reads requests and sends answers, and waits for nobody.

A peer that is slow, silent or hostile has its own small state and its own deadline; there are at most ``MOST_PEERS``
of them. Only a dump takes longer: it runs in a thread, one at a time, and its answer is sent when it is done.
No request, and no want of descriptors or threads, ends the server.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import weakref
from collections import deque
from contextlib import ExitStack, suppress
from pathlib import Path

from dotdump.closing import Closing
from dotdump.errors import BadMessage, ServerUnavailable
from dotdump.ipc.listener import Listener
from dotdump.ipc.state import SUSPENDED_THREAD
from dotdump.server.connect_port import ConnectPort
from dotdump.server.dumping import dump_self
from dotdump.server.handlers import answer, dump_answer, refusal
from dotdump.server.peer import Peer
from dotdump.server.program import Program, socket_name
from dotdump.server.settings import read_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from dotdump.ipc.dump import GenerateCoreDump
    from dotdump.ipc.ports import Port
    from dotdump.ipc.wire import Message
    from dotdump.server.settings import Settings

    DumpAction = Callable[[GenerateCoreDump], None]

MOST_PEERS = 128
MOST_DUMPS = 8
"""Under way, of which one is written and the others wait."""
_DEFAULT_PORT = 0


class DiagnosticServer(Closing):
    """Makes this process a target of ``dotdump`` and of dotnet's tools until closed. A context manager.

    ``dump`` writes a core of this process and raises an exception with a sentence where it cannot; by default a child
    process does it. ``settings`` default to the environment's. Entering the block waits, where the settings say so,
    until every suspended port has sent ResumeRuntime. Raises ``ServerUnavailable`` where it cannot listen or serve.
    """

    def __init__(
        self, *, name: str | None = None, settings: Settings | None = None, dump: DumpAction = dump_self
    ) -> None:
        self.settings = settings or read_settings(os.environ)
        self._name = name
        self._be_this_process()
        self._dump = dump
        self._dumping = threading.Lock()
        self._dumps = 0
        self._resumed = threading.Condition()
        self._suspended: set[int] = set()
        self._peers: dict[int, Peer] = {}
        self._answers: deque[tuple[Peer, bytes]] = deque()
        self._ports: list[ConnectPort] = []
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        _close_in_children(self)

    @property
    def cookie(self) -> str:
        """The GUID of this server, as ProcessInfo and advertises tell it."""
        return self._program.cookie

    def start(self) -> None:
        """Begin to serve, in a thread that does not keep the program alive; nothing where diagnostics are off."""
        if not self.settings.enabled or self._thread:
            return
        if self._program.pid != os.getpid():
            self._be_this_process()
        with ExitStack() as held:
            self._listener = held.enter_context(Listener(self.path))
            self._forget_what_was()
            try:
                self._wake_out, self._wake_in = map(held.enter_context, _waking_pair())
                thread = threading.Thread(target=self._serve, name="diagnostics", daemon=True)
                thread.start()
            except (OSError, RuntimeError) as error:
                raise ServerUnavailable(f"{self.path}: cannot serve: {error}") from error
            held.pop_all()
        self._thread = thread
        self._wake()  # dumps that ended while it was closed give back their places

    def _be_this_process(self) -> None:
        self.path = f"{self.settings.directory.rstrip('/')}/{socket_name()}"
        self._program = Program(self._name)

    def _forget_what_was(self) -> None:
        self._closing = False
        self._peers = {}
        self._ports = [ConnectPort(port.address, number, self.cookie) for number, port in self._numbered_ports()]
        self._suspended = {number for number, port in self._numbered_ports() if port.suspend}
        if self.settings.suspend:
            self._suspended.add(_DEFAULT_PORT)

    def _numbered_ports(self) -> Iterator[tuple[int, Port]]:
        return enumerate(self.settings.ports, start=1)

    def wait_resumed(self, timeout: float | None = None) -> bool:
        """Wait until every suspended port has sent ResumeRuntime, or the server is closed; return whether they have."""
        with self._resumed:
            self._resumed.wait_for(lambda: self._closing or not self._suspended, timeout)
            return not self._suspended

    def close(self) -> None:
        """Stop serving and remove the socket; a dump under way is not waited for. It may be started again."""
        if self._thread is None:
            return
        with self._resumed:
            self._closing = True
            self._resumed.notify_all()
        self._wake()
        self._thread.join()
        self._thread = None

    def forget(self) -> None:
        """Give up what a fork has copied from the parent, whose socket must stay; the child may start its own."""
        self._thread = None
        self._dumping, self._resumed, self._dumps = threading.Lock(), threading.Condition(), 0
        self._answers.clear()
        if self._listener:
            self._listener.socket.close()
        for peer in self._peers.values():
            peer.close()

    def _serve(self) -> None:
        self._name_thread()
        try:
            while not self._closing:
                self._turn()
        finally:
            for peer in self._peers.values():
                peer.close()
            if self._listener:
                self._listener.close()
            self._wake_in.close()
            self._wake_out.close()

    def _turn(self) -> None:
        """Wait for the next thing to happen, and do it."""
        for port in self._ports:
            if not port.seconds_left and (peer := port.connect()):
                self._peers[peer.fileno()] = peer
        for descriptor, _ in self._poll():
            if self._listener and descriptor == self._listener.fileno():
                self._accept()
            elif descriptor == self._wake_out.fileno():
                self._send_finished()
            elif descriptor in self._peers:
                self._attend(self._peers[descriptor])
        for peer in [peer for peer in self._peers.values() if peer.seconds_left <= 0]:
            self._drop(peer)

    def _poll(self) -> list[tuple[int, int]]:
        poll = select.poll()
        poll.register(self._wake_out, select.POLLIN)
        if self._listener:
            poll.register(self._listener, select.POLLIN)
        for peer in self._peers.values():
            interest = select.POLLOUT if peer.is_sending else 0 if peer.asked else select.POLLIN
            poll.register(peer, interest)
        waits = [peer.seconds_left for peer in self._peers.values()] + [port.seconds_left for port in self._ports]
        left = min(waits, default=float("inf"))
        return poll.poll(None if left == float("inf") else max(0.0, left) * 1000 + 1)

    def _accept(self) -> None:
        connection = self._listener.accept() if self._listener else None
        if connection is None:
            return
        if len(self._peers) >= MOST_PEERS:
            self._drop(min(self._peers.values(), key=lambda peer: peer.seconds_left))
        self._peers[connection.fileno()] = Peer(connection, _DEFAULT_PORT)

    def _attend(self, peer: Peer) -> None:
        try:
            if peer.is_sending:
                if peer.send():
                    self._drop(peer)
            elif peer.asked:
                self._drop(peer)
            elif message := peer.hear():
                self._ask(peer, message)
        except BadMessage as error:
            peer.answer(refusal(error))
        except Exception:  # noqa: BLE001 -- EOFError: it has gone; whatever else a request raises ends no other's
            self._drop(peer)

    def _ask(self, peer: Peer, message: Message) -> None:
        reply = answer(message, self._program, lambda: self._resume(peer.port))
        if isinstance(reply, bytes):
            peer.answer(reply)
        elif self._dumps >= MOST_DUMPS:
            peer.answer(dump_answer(reply, f"{MOST_DUMPS} dumps are under way or wait for their turn"))
        else:
            self._begin_dump(peer, reply)

    def _begin_dump(self, peer: Peer, request: GenerateCoreDump) -> None:
        try:
            threading.Thread(target=self._write_dump, args=(peer, request), daemon=True).start()
        except RuntimeError as error:
            peer.answer(dump_answer(request, f"cannot begin a dump: {error}"))
        else:
            self._dumps += 1

    def _write_dump(self, peer: Peer, request: GenerateCoreDump) -> None:
        failure: str | None = None
        with self._dumping:
            try:
                self._dump(request)
            except BaseException as error:  # noqa: BLE001 -- whatever it is, the peer is owed an answer
                failure = str(error) or type(error).__name__
        self._answers.append((peer, dump_answer(request, failure)))
        self._wake()

    def _send_finished(self) -> None:
        self._wake_out.recv(4096)
        while self._answers:
            peer, data = self._answers.popleft()
            self._dumps -= 1
            if self._peers.get(peer.fileno()) is peer:
                peer.answer(data)

    def _resume(self, port: int) -> None:
        with self._resumed:
            self._suspended.discard(port)
            self._resumed.notify_all()
        self._name_thread()

    def _name_thread(self) -> None:
        """Let the kernel's name of the thread that serves tell whether the program waits, as ``ps`` shows."""
        name = SUSPENDED_THREAD if self._suspended else "diagnostics"
        with suppress(OSError):
            Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(name)

    def _drop(self, peer: Peer) -> None:
        self._peers.pop(peer.fileno(), None)
        peer.close()
        for port in self._ports:
            if port.peer is peer:
                port.lost()

    def _wake(self) -> None:
        try:
            self._wake_in.send(b"\0")
        except OSError:
            return

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_resumed()
        except BaseException:
            self.close()
            raise
        return self


def _waking_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets: one wakes the thread that polls the other, and neither ever waits."""
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(0)
    return ends


def _close_in_children(server: DiagnosticServer) -> None:
    """Have forked children let go: they would hold connections that none of their threads serves."""
    reference = weakref.ref(server)

    def forget() -> None:
        if alive := reference():
            alive.forget()

    os.register_at_fork(after_in_child=forget)

"""Peers that break the protocol: no wait past a deadline, no error but ours, no memory without bound."""

from __future__ import annotations

import os
import random
import resource
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from dotdump.errors import ProtocolError
from dotdump.ipc.advertise import Advertise
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.dump import DumpType
from dotdump.ipc.event_pipe import CollectTracing, Provider
from dotdump.ipc.ports import PortEndpoint
from dotdump.ipc.process import PerfMapType
from dotdump.ipc.reversed_server import MOST_RUNTIMES, MOST_UNNAMED, ReversedServer
from dotdump.ipc.transport import Deadline
from dotdump.ipc.wire import guid_text
from hostile.peers import HONEST, SESSIONS, HonestRuntime, HostileServer, hostile_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE = 0.1
SLACK = 0.9
"""Seconds by which a loaded machine may be late; a wait that has no deadline is later than that."""
GROWTH = 64 << 20


@pytest.fixture
def directory() -> Iterator[Path]:
    with TemporaryDirectory(dir="/tmp", prefix="dd-") as name:
        yield Path(name)


def _trace(client: DiagnosticsClient) -> None:
    with client.start_event_pipe_session(CollectTracing((Provider("P"),))) as session:
        for _ in session.stop(DEADLINE):
            pass


QUESTIONS: dict[str, Callable[[DiagnosticsClient], object]] = {
    "process info": DiagnosticsClient.process_info,
    "environment": DiagnosticsClient.environment,
    "variable": lambda client: client.set_environment_variable("A", "b"),
    "resume": DiagnosticsClient.resume,
    "dump": lambda client: client.write_dump("/nowhere/core", DumpType.FULL, timeout=DEADLINE),
    "session": _trace,
    "perf map": lambda client: client.enable_perf_map(PerfMapType.ALL),
}


def test_a_hostile_server_can_only_make_the_client_raise_its_errors_in_time(directory: Path) -> None:
    dice, outcomes, worst = random.Random(1), Counter[str](), 0.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with HostileServer(directory / "port", seed=2):
        client = DiagnosticsClient(PortEndpoint(str(directory / "port")), DEADLINE)
        for _ in range(SESSIONS):
            question = dice.choice([*QUESTIONS])
            start = time.monotonic()
            try:
                QUESTIONS[question](client)
                outcomes["answered"] += 1
            except ProtocolError as error:
                outcomes[type(error).__name__] += 1
            worst = max(worst, time.monotonic() - start)
    print(f"{SESSIONS} sessions with a hostile server, the longest {worst:.3f} s: {dict(outcomes)}")
    calls_in_a_question = 2
    assert worst < DEADLINE * calls_in_a_question + SLACK
    assert {"BadMessage", "ServerSilent", "CommandRejected"} <= set(outcomes)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < GROWTH


def test_hostile_runtimes_do_not_keep_an_honest_one_from_being_asked(directory: Path) -> None:
    dice, kept, asked, worst = random.Random(3), deque[socket.socket](maxlen=200), 0, 0.0
    path = str(directory / "port")
    with ReversedServer(path) as server, HonestRuntime(path):
        while HONEST.cookie not in {runtime.cookie for runtime in server.runtimes}:
            server.accept(5)
        client = server.client(HONEST.cookie)
        for number in range(SESSIONS):
            hostile_runtime(path, dice, kept)
            if number % 10 == 9:
                start = time.monotonic()
                assert client.process_info_version(1, timeout=5) == HONEST
                worst = max(worst, time.monotonic() - start)
                asked += 1
            assert len(server._unnamed) <= MOST_UNNAMED
            assert len(server.runtimes) <= MOST_RUNTIMES
        print(f"{SESSIONS} hostile runtimes, {server.dropped} dropped, {asked} honest answers, worst {worst:.3f} s")
        assert server.dropped >= SESSIONS // 2
    while kept:
        kept.pop().close()


def test_a_cookie_cannot_be_taken_over_by_another_process(directory: Path) -> None:
    path = str(directory / "port")
    thief = (
        "import os, socket, sys; from dotdump.ipc.advertise import Advertise; s = socket.socket(socket.AF_UNIX);"
        "s.connect(sys.argv[1]); s.sendall(Advertise(sys.argv[2], os.getpid()).encode()); sys.stdin.read()"
    )
    with ReversedServer(path) as server, HonestRuntime(path):
        honest = server.accept(5)
        with subprocess.Popen([sys.executable, "-c", thief, path, HONEST.cookie], stdin=subprocess.PIPE) as process:
            deadline = time.monotonic() + 20
            while not server.dropped and time.monotonic() < deadline:
                assert server.client(HONEST.cookie).process_info_version(1, timeout=5) == HONEST
            assert server.dropped == 1
            assert server.runtimes == (honest,)
            process.communicate()


@pytest.mark.parametrize("what", [b"", b"ADVR_V1\0", b"x"], ids=["silence", "half an advertise", "something else"])
def test_a_runtime_that_does_not_say_who_it_is_is_dropped_in_time(directory: Path, what: bytes) -> None:
    with ReversedServer(str(directory / "port")) as server, socket.socket(socket.AF_UNIX) as peer:
        peer.connect(server.path)
        peer.sendall(what)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            server.accept(0.6)
        assert time.monotonic() - start < 0.6 + SLACK
        assert server.dropped == 1
        peer.settimeout(1)
        assert peer.recv(1) == b""


def test_a_runtime_that_was_forgotten_is_not_given_out(directory: Path) -> None:
    first, second = (Advertise(guid_text(bytes([number] * 16)), os.getpid()) for number in (1, 2))
    with ReversedServer(str(directory / "port")) as server, ExitStack() as runtimes:
        for advertise in (first, second):
            peer = runtimes.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(server.path)
            peer.sendall(advertise.encode())
        with pytest.raises(TimeoutError):
            server.take_stream("nobody", Deadline(0.3))
        assert len(server.runtimes) == 2
        server.forget(first.cookie)
        assert server.accept(5).cookie == second.cookie
        with pytest.raises(TimeoutError):
            server.accept(0.1)

"""A client of a runtime that is a script: what it says when the answer is late, too much, or no."""

from __future__ import annotations

import socket
import time

import pytest

from dotdump.closing import Closing
from dotdump.errors import BadMessage, CommandRejected, ServerSilent
from dotdump.ipc.answers import rejected
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.commands import HResult
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.ipc.event_pipe import CollectTracing, Provider, encode_session
from dotdump.ipc.process import parse_environment
from dotdump.ipc.transport import Channel, Deadline


class Scripted(Closing):
    """An endpoint: each connection has its answer in it already, and stays open."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._open: list[socket.socket] = []

    @property
    def unused(self) -> int:
        """Connections that nobody has asked for yet."""
        return len(self._answers)

    def connect(self, _: Deadline) -> Channel:
        ours, theirs = socket.socketpair()
        theirs.sendall(self._answers.pop(0))
        self._open.append(theirs)
        return Channel(ours, "the script")

    def close(self) -> None:
        for connection in self._open:
            connection.close()


def test_the_end_of_a_session_that_does_not_come_is_told_with_the_time_that_it_had() -> None:
    session_and_events, stop = encode_session(7).encode() + b"Nettrace", b""
    with Scripted(session_and_events, stop) as endpoint:
        client = DiagnosticsClient(endpoint)
        with client.start_event_pipe_session(CollectTracing((Provider("P"),))) as session:
            rest = session.stop(0.3)
            assert next(rest) == b"Nettrace"
            time.sleep(0.1)
            with pytest.raises(ServerSilent, match=r"no answer within 0\.3 s"):
                next(rest)


def test_an_environment_of_more_variables_than_can_be_is_not_gone_through() -> None:
    count = 1 << 22
    block = count.to_bytes(4, "little") + bytes(4 * count)
    start = time.process_time()
    with pytest.raises(BadMessage, match="4,194,304 variables was sent"):
        parse_environment(block)
    assert time.process_time() - start < 0.5


def test_an_old_runtime_is_not_asked_with_flags_that_it_does_not_know() -> None:
    unknown = rejected(HResult.UNKNOWN_COMMAND).encode()
    for flags in (DumpFlags.CRASH_REPORT, DumpFlags.LOGGING | DumpFlags.VERBOSE_LOGGING, 1 << 31):
        with Scripted(unknown, unknown, b"") as endpoint:
            with pytest.raises(CommandRejected, match="knows no flag but logging"):
                DiagnosticsClient(endpoint).write_dump("/core", DumpType.FULL, flags, timeout=5)
            assert endpoint.unused == 1

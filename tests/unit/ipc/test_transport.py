"""Connections: long paths, deadlines, descriptors that travel."""

from __future__ import annotations

import os
import resource
import socket
import time
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING

import pytest

from dotdump.errors import BadMessage, ServerSilent, ServerUnavailable
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.event_pipe import CollectTracing, Provider, SessionType, encode_session
from dotdump.ipc.listener import Listener
from dotdump.ipc.ports import PortEndpoint
from dotdump.ipc.requests import parse_request
from dotdump.ipc.transport import Channel, Deadline, connect_path
from dotdump.ipc.wire import MessageDecoder

if TYPE_CHECKING:
    from collections.abc import Callable


def _pair() -> tuple[Channel, socket.socket]:
    ours, theirs = socket.socketpair()
    return Channel(ours, "the peer"), theirs


def test_a_socket_whose_path_is_too_long_for_a_socket_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    monkeypatch.chdir(directory)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("dotnet-diagnostic-1-2-socket")
        listener.listen()
        path = str(directory / "dotnet-diagnostic-1-2-socket")
        assert len(path) > 107
        with pytest.raises(OSError, match="too long"):
            connect_path(path, "it", Deadline(1))
        with PortEndpoint(path).connect(Deadline(1)) as channel:
            assert channel.peer().pid == os.getpid()


def test_a_full_queue_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        start = time.monotonic()
        with pytest.raises(ServerSilent, match=r"no answer within 0\.2 s"):
            connect_path(path, "it", Deadline(0.2))
        assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize(
    "wait",
    [
        lambda channel, deadline: channel.receive(1, deadline),
        lambda channel, deadline: channel.receive_exactly(9, deadline),
        lambda channel, deadline: channel.send(bytes(1 << 22), deadline),
    ],
    ids=["receive", "receive exactly", "send"],
)
def test_no_wait_is_longer_than_its_deadline(wait: Callable[[Channel, Deadline], object]) -> None:
    channel, theirs = _pair()
    start = time.monotonic()
    with channel, theirs, pytest.raises(ServerSilent):
        wait(channel, Deadline(0.1))
    assert time.monotonic() - start < 1


def test_an_end_before_the_announced_bytes_is_an_error_with_numbers() -> None:
    channel, theirs = _pair()
    with channel:
        with theirs:
            theirs.sendall(b"abc")
        with pytest.raises(BadMessage, match="7 bytes before the 10"):
            channel.receive_exactly(10, Deadline(1))


class _One:
    """An endpoint with one connection."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def connect(self, deadline: Deadline) -> Channel:
        assert deadline.remaining
        return self._channel


def test_a_user_events_session_sends_its_descriptor_after_the_request() -> None:
    channel, theirs = _pair()
    request = CollectTracing(
        (Provider("P", default_tracepoint="t"),), session_type=SessionType.USER_EVENTS, buffer_megabytes=0
    )
    theirs.sendall(encode_session(7).encode())
    with TemporaryFile() as file, theirs:
        client = DiagnosticsClient(_One(channel))
        with client.start_event_pipe_session(request, user_events=file.fileno()) as session:
            assert session.session_id == 7
        data, descriptors, _, _ = socket.recv_fds(theirs, 4096, 1)
        message = MessageDecoder().feed(data)
        if not descriptors:
            descriptors = socket.recv_fds(theirs, 1, 1)[1]
        assert message
        received = parse_request(message)
        assert isinstance(received, CollectTracing)
        assert received.providers == request.providers
        assert os.fstat(descriptors[0]).st_ino == os.fstat(file.fileno()).st_ino
        os.close(descriptors[0])


def test_a_listener_takes_the_place_of_a_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(path)
    with Listener(path), pytest.raises(ServerUnavailable, match="cannot listen there"):
        Listener(path)
    assert not Path(path).exists()


def test_a_listener_does_not_remove_what_took_its_place(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Listener(str(path)):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


def test_a_listener_says_that_its_path_is_too_long() -> None:
    with pytest.raises(ServerUnavailable, match="at most 107 bytes"):
        Listener("/tmp/" + "x" * 103)


def test_a_listener_says_why_it_cannot_listen_where_it_cannot(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match="cannot listen there: No such file or directory"):
        Listener(str(tmp_path / "no" / "s"))
    (tmp_path / "file").touch()
    with pytest.raises(ServerUnavailable, match="cannot listen there: Not a directory"):
        Listener(str(tmp_path / "file" / "s"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(ServerUnavailable, match="cannot listen: Too many open files"):
            Listener(str(tmp_path / "s"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_not_write_to_the_directory_is_told_so_and_leaves_a_socket_that_it_may_not_remove() -> None:
    with TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o1777)
        listener = Listener(f"{name}/s")
        os.seteuid(65534)
        try:
            listener.close()
            assert Path(name, "s").exists()
            with pytest.raises(ServerUnavailable, match="cannot listen there: Permission denied"):
                Listener("/s")
        finally:
            os.seteuid(0)

"""The server, over its socket: byte for byte what runtimes answer, and nobody is made to wait by somebody else."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import stat
import threading
import time
from collections import UserDict
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from dotdump.errors import BadMessage, CollectError, CommandRejected, ServerUnavailable
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.diagnostics import DiagnosticsState
from dotdump.ipc.discovery import SearchPlace
from dotdump.ipc.dump import DumpType, GenerateCoreDump
from dotdump.ipc.event_pipe import CollectTracing, Provider
from dotdump.ipc.ports import Port, PortEndpoint, PortMode
from dotdump.ipc.process import PerfMapType, ProcessInfo, encode_environment, parse_environment
from dotdump.ipc.reversed_server import ReversedServer
from dotdump.ipc.state import diagnose
from dotdump.ipc.wire import guid_text
from dotdump.records import replace
from dotdump.server.connect_port import ConnectPort
from dotdump.server.diagnostic_server import MOST_DUMPS, MOST_PEERS, DiagnosticServer
from dotdump.server.program import socket_name
from dotdump.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOLDEN = Path(__file__).parents[2] / "golden" / "ipc"
RECORDINGS = {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json")) if path.stem[0] != "3"}
TOLD = ("ProcessInfo", "ProcessInfo2", "ProcessInfo3", "ProcessEnvironment")
IMPOSSIBLE = ("disable perf map",)
SAME = [
    (version, question)
    for version, recording in RECORDINGS.items()
    for question in recording
    if question not in (*TOLD, *IMPOSSIBLE)
]


class Dumps:
    """A dump action that remembers what was asked, and fails where the path says so."""

    def __init__(self) -> None:
        self.asked: list[GenerateCoreDump] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, request: GenerateCoreDump) -> None:
        self.asked.append(request)
        assert self.go_on.wait(20)
        if "nowhere" in request.path:
            raise CollectError(f"cannot write {request.path}")


@pytest.fixture
def directory() -> Iterator[str]:
    with TemporaryDirectory(dir="/tmp", prefix="dd-") as name:
        yield name


@pytest.fixture
def dumps() -> Dumps:
    return Dumps()


@pytest.fixture
def server(directory: str, dumps: Dumps) -> Iterator[DiagnosticServer]:
    with DiagnosticServer(name="app", settings=Settings(directory=directory), dump=dumps) as running:
        yield running


def _client(server: DiagnosticServer) -> DiagnosticsClient:
    """A client of a server in this very process, whose TMPDIR discovery would look into."""
    return DiagnosticsClient(PortEndpoint(server.path), 5.0)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _converse(path: str, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(("version", "question"), SAME)
def test_the_answer_is_byte_for_byte_that_of_the_runtime(server: DiagnosticServer, version: str, question: str) -> None:
    if question == "unset the variable":
        os.environ["NAME"] = "value"
    recorded = RECORDINGS[version][question]
    assert _converse(server.path, bytes.fromhex(recorded["request"])).hex() == recorded["answer"]
    os.environ.pop("NAME", None)


@pytest.mark.parametrize("version", RECORDINGS)
def test_process_info_is_written_byte_for_byte_as_the_runtime_does(version: str) -> None:
    cookie, line = guid_text(bytes(range(16))), "/usr/bin/dotnet Corpus.dll idle"
    for number, question in enumerate(TOLD[:3], start=1):
        info = ProcessInfo(4711, cookie, line, "Linux", "x64", "Corpus", version, "linux-x64", number)
        assert info.encode().encode().hex() == RECORDINGS[version][question]["answer"]


@pytest.mark.parametrize("version", RECORDINGS)
def test_the_environment_is_written_byte_for_byte_as_the_runtime_does(version: str) -> None:
    recorded = bytes.fromhex(RECORDINGS[version]["ProcessEnvironment"]["answer"])
    message, block = encode_environment(parse_environment(recorded[26:]))
    assert parse_environment(block)["GREETING"] == "Grüße 🌍"
    assert message.encode() + block == recorded


def test_the_socket_has_the_name_of_a_runtimes_and_is_for_its_owner_alone(server: DiagnosticServer) -> None:
    facts = Path(server.path).stat()
    assert Path(server.path).name == socket_name()
    assert stat.S_ISSOCK(facts.st_mode)
    assert stat.S_IMODE(facts.st_mode) == 0o600
    assert socket_name().startswith(f"dotnet-diagnostic-{os.getpid()}-")


def test_the_socket_is_gone_when_the_server_is(directory: str) -> None:
    with DiagnosticServer(settings=Settings(directory=directory)) as server:
        assert Path(server.path).exists()
    assert not Path(server.path).exists()
    server.close()


def test_nothing_listens_where_diagnostics_are_switched_off(directory: str) -> None:
    with DiagnosticServer(settings=Settings(enabled=False, directory=directory)):
        assert not list(Path(directory).iterdir())


def test_a_name_that_is_taken_is_said(directory: str) -> None:
    path = Path(directory, socket_name())
    path.write_text("")
    with pytest.raises(ServerUnavailable, match="cannot listen"):
        DiagnosticServer(settings=Settings(directory=directory)).start()
    assert path.read_text() == ""


def test_it_says_who_it_is(server: DiagnosticServer) -> None:
    info = _client(server).process_info()
    assert (info.pid, info.cookie, info.entry_assembly, info.version) == (os.getpid(), server.cookie, "app", 3)
    assert _client(server).process_info_version(1).entry_assembly == ""


def test_a_command_line_that_does_not_fit_is_no_as_of_runtimes(
    server: DiagnosticServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server._program, "_info", replace(server._program.info(3), command_line="x" * 40_000))
    with pytest.raises(CommandRejected, match="ProcessInfo3 was rejected with E_FAIL"):
        _client(server).process_info()


def test_variables_are_told_set_and_unset(server: DiagnosticServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOTDUMP_TEST", raising=False)
    client = _client(server)
    client.set_environment_variable("DOTDUMP_TEST", "grün")
    assert os.environ["DOTDUMP_TEST"] == "grün"
    assert client.environment()["DOTDUMP_TEST"] == "grün"
    client.set_environment_variable("DOTDUMP_TEST", None)
    assert "DOTDUMP_TEST" not in os.environ
    for name in ("A=B", "", "A\0B", "\ud800A"):
        with pytest.raises(CommandRejected, match="E_INVALIDARG"):
            client.set_environment_variable(name, "x")
    with pytest.raises(CommandRejected, match="E_INVALIDARG"):
        client.set_environment_variable("\ud800A", None)
    assert client.process_info().cookie == server.cookie


def test_what_a_python_program_cannot_do_is_not_supported(server: DiagnosticServer) -> None:
    client = _client(server)
    guid = "11111111-2222-3333-4444-555555555555"
    for ask in (
        lambda: client.start_event_pipe_session(CollectTracing((Provider("P"),))),
        lambda: client.attach_profiler(guid, "/x.so"),
        lambda: client.startup_profiler(guid, "/x.so"),
        lambda: client.enable_perf_map(PerfMapType.ALL),
        client.disable_perf_map,
        lambda: client.apply_startup_hook("/x.dll"),
    ):
        with pytest.raises(CommandRejected, match="NOT_SUPPORTED"):
            ask()


def test_a_dump_is_written_by_the_action_and_its_failure_told_in_words(server: DiagnosticServer, dumps: Dumps) -> None:
    client = _client(server)
    assert client.write_dump("/somewhere/core", DumpType.FULL, timeout=10).version == 3
    assert dumps.asked == [GenerateCoreDump("/somewhere/core", DumpType.FULL)]
    with pytest.raises(CommandRejected, match="cannot write /nowhere/core"):
        client.write_dump("/nowhere/core", DumpType.FULL, timeout=10)


def test_a_dump_under_way_keeps_nobody_waiting_and_may_be_given_up(server: DiagnosticServer, dumps: Dumps) -> None:
    client = _client(server)
    dumps.go_on.clear()
    with client.begin_write_dump("/a/core", DumpType.FULL, timeout=10) as pending:
        assert pending.poll(0.05) is None
        assert client.process_info(timeout=5).pid == os.getpid()
    with client.begin_write_dump("/b/core", DumpType.FULL, timeout=10) as pending:
        dumps.go_on.set()
        assert pending.wait().path == "/b/core"
    assert [request.path for request in dumps.asked] == ["/a/core", "/b/core"]


def test_of_many_dumps_at_once_some_are_refused(server: DiagnosticServer, dumps: Dumps) -> None:
    client = _client(server)
    dumps.go_on.clear()
    waiting = [client.begin_write_dump(f"/{number}/core", DumpType.FULL, timeout=10) for number in range(MOST_DUMPS)]
    with pytest.raises(CommandRejected, match=f"{MOST_DUMPS} dumps are under way"):
        client.write_dump("/more/core", DumpType.FULL, timeout=10)
    dumps.go_on.set()
    for pending in waiting:
        with pending:
            pending.wait()
    assert client.write_dump("/later/core", DumpType.FULL, timeout=10).version == 3


def test_a_dump_for_which_no_thread_can_be_had_is_refused(
    server: DiagnosticServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(CommandRejected, match="can't start new thread"):
            _client(server).write_dump("/a/core", DumpType.FULL, timeout=10)
    assert _client(server).process_info().cookie == server.cookie


def test_a_request_that_cannot_be_answered_ends_no_other(
    server: DiagnosticServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("dotdump.server.diagnostic_server.answer", lambda *_: 1 // 0)
        with pytest.raises(BadMessage):
            _client(server).process_info()
    assert _client(server).process_info().cookie == server.cookie


def test_who_comes_while_there_are_no_descriptors_waits(server: DiagnosticServer) -> None:
    request = bytes.fromhex(next(iter(RECORDINGS.values()))["ProcessInfo"]["request"])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            connection.connect(server.path)
            connection.sendall(request)
            time.sleep(0.2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert connection.recv(20)[:13] == b"DOTNET_IPC_V1"


def test_a_port_is_tried_again_where_there_is_no_descriptor_for_it(directory: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    port = ConnectPort(f"{directory}/port", 1, "cookie")
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        assert port.connect() is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert 0 < port.seconds_left < 1


def test_a_server_that_was_closed_may_be_started_again(directory: str) -> None:
    settings = Settings(directory=directory, ports=(Port(f"{directory}/port", PortMode.CONNECT),))
    server = DiagnosticServer(settings=settings)
    for _ in range(2):
        server.start()
        try:
            assert _client(server).process_info().cookie == server.cookie
            assert not server.wait_resumed(0)
            assert len(server._ports) == 1
        finally:
            server.close()
    assert not Path(server.path).exists()


def test_dumps_that_end_while_the_server_is_closed_give_back_their_places(directory: str, dumps: Dumps) -> None:
    server = DiagnosticServer(settings=Settings(directory=directory), dump=dumps)
    server.start()
    client = _client(server)
    dumps.go_on.clear()
    waiting = [client.begin_write_dump(f"/{number}/core", DumpType.FULL, timeout=10) for number in range(MOST_DUMPS)]
    client.process_info()
    server.close()
    dumps.go_on.set()
    for pending in waiting:
        pending.close()
    _until(lambda: len(server._answers) == MOST_DUMPS)
    with server:
        assert client.write_dump("/later/core", DumpType.FULL, timeout=10).version == 3


def test_a_server_that_cannot_serve_gives_back_what_it_took(directory: str) -> None:
    server = DiagnosticServer(settings=Settings(directory=directory))
    before = len([*Path("/proc/self/fd").iterdir()])
    for more in range(3):
        with _descriptors(more), pytest.raises(ServerUnavailable, match="Too many open files"):
            server.start()
        assert not [*Path(directory).iterdir()]
        assert len([*Path("/proc/self/fd").iterdir()]) == before


@contextmanager
def _descriptors(more: int) -> Iterator[None]:
    """Let there be no more than so many descriptors to be had."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    duplicates = [os.dup(0) for _ in range(more + 1)]
    for descriptor in duplicates:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(duplicates), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_program_that_does_not_wait_any_more_leaves_no_socket(
    directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = DiagnosticServer(settings=Settings(directory=directory, suspend=True))

    def interrupt(_: DiagnosticServer) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(DiagnosticServer, "wait_resumed", interrupt)
    with pytest.raises(KeyboardInterrupt), server:
        pass
    assert not [*Path(directory).iterdir()]


def test_a_failure_of_many_words_and_one_that_is_no_exception_are_told(directory: str) -> None:
    def fail(request: GenerateCoreDump) -> None:
        if request.path == "/exit":
            raise SystemExit("it left")
        raise CollectError("no room " * 10_000)

    with DiagnosticServer(settings=Settings(directory=directory), dump=fail) as server:
        for path, words in (("/words", "no room no room"), ("/exit", "it left")):
            with pytest.raises(CommandRejected, match=words):
                _client(server).write_dump(path, DumpType.FULL, timeout=10)


def test_the_environment_is_told_while_it_changes(server: DiagnosticServer, monkeypatch: pytest.MonkeyPatch) -> None:
    class Vanishing(UserDict[str, str]):
        """What another thread takes a variable out of as soon as its name has been seen."""

        def __iter__(self) -> Iterator[str]:
            return iter(("GONE", *super().__iter__()))

    monkeypatch.setattr(os, "environ", Vanishing(KEPT="1"))
    assert _client(server).environment() == {"KEPT": "1"}


def test_silent_slow_and_hostile_clients_keep_nobody_waiting(server: DiagnosticServer) -> None:
    client, connections = _client(server), []
    for number in range(MOST_PEERS * 2):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(server.path)
        connection.sendall((b"", b"DOTNET", b"x" * 100, b"DOTNET_IPC_V1\0\xff\xff\4\0\0\0")[number % 4])
        connections.append(connection)
        if number % 16 == 0:
            start = time.monotonic()
            assert client.process_info_version(1).cookie == server.cookie
            assert time.monotonic() - start < 2
    assert client.process_info().cookie == server.cookie
    assert len(server._peers) <= MOST_PEERS
    for connection in connections:
        connection.close()


def test_a_port_is_connected_to_again_and_again(directory: str) -> None:
    path = f"{directory}/port"
    settings = Settings(directory=directory, ports=(Port(path, PortMode.CONNECT, suspend=False),))
    with DiagnosticServer(settings=settings) as server, ReversedServer(path) as tool:
        runtime = tool.accept(10)
        assert (runtime.cookie, runtime.pid) == (server.cookie, os.getpid())
        client = tool.client(runtime.cookie)
        for _ in range(5):
            assert client.process_info(timeout=10).cookie == server.cookie
        assert tool.dropped == 0
        assert tool.runtimes == (runtime,)


def test_a_suspended_port_holds_the_program_until_it_resumes_it(directory: str) -> None:
    path = f"{directory}/port"
    settings = Settings(directory=directory, suspend=True, ports=(Port(path, PortMode.CONNECT),))
    server = DiagnosticServer(settings=settings)
    server.start()
    try:
        with ReversedServer(path) as tool:
            assert not server.wait_resumed(0.05)
            tool.client(tool.accept(10).cookie).resume()
            assert not server.wait_resumed(0.05)
            _client(server).resume()
            assert server.wait_resumed(5)
    finally:
        server.close()


def test_who_waits_to_be_resumed_waits_no_longer_than_the_server_serves(directory: str) -> None:
    server = DiagnosticServer(settings=Settings(directory=directory, suspend=True))
    server.start()
    said: list[bool] = []
    waiting = threading.Thread(target=lambda: said.append(server.wait_resumed(20)), daemon=True)
    waiting.start()
    server.close()
    waiting.join(5)
    assert said == [False]


def test_a_forked_child_lets_go_of_the_socket_and_leaves_the_parents(server: DiagnosticServer) -> None:
    child = os.fork()
    if child == 0:
        os._exit(server._listener is None or server._listener.fileno() >= 0)
    assert os.waitpid(child, 0)[1] == 0
    assert _client(server).process_info().cookie == server.cookie


def test_a_forked_child_may_serve_too_as_what_it_is(server: DiagnosticServer) -> None:
    told, tells = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            server.start()
            os.write(tells, os.fsencode(server.path))
            time.sleep(60)
        finally:
            os._exit(1)
    os.close(tells)
    path = Path(os.fsdecode(os.read(told, 200)))
    try:
        info = DiagnosticsClient(PortEndpoint(str(path)), 5.0).process_info()
        assert path.name.startswith(f"dotnet-diagnostic-{child}-")
        assert (info.pid, info.entry_assembly) == (child, "app")
        assert info.cookie != server.cookie
        assert _client(server).process_info().cookie == server.cookie
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(told)
        path.unlink(missing_ok=True)


def test_discovery_takes_it_for_what_it_is(monkeypatch: pytest.MonkeyPatch, server: DiagnosticServer) -> None:
    place = SearchPlace(str(Path(server.path).parent))
    monkeypatch.setattr("dotdump.ipc.discovery.search_place", lambda *_: place)
    answer = diagnose(os.getpid(), 5)
    assert (answer.state, answer.info and answer.info.cookie) == (DiagnosticsState.OK, server.cookie)

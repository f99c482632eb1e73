"""Diagnostics IPC against real runtimes."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from corpus import Corpus, Runtime, corpus, executable, missing, runtimes, socket_path, starting
from dotdump.errors import CommandRejected, ProtocolError, ServerSilent, ServerUnavailable
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.commands import Command, HResult
from dotdump.ipc.diagnostics import DiagnosticsState
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.ipc.event_pipe import CollectTracing, EventFilter, Format, Provider, SessionType
from dotdump.ipc.ports import Port, PortEndpoint, PortMode, parse_runtime_ports
from dotdump.ipc.process import PROCESS_INFO_VERSIONS, PerfMapType
from dotdump.ipc.reversed_server import ReversedServer
from dotdump.ipc.state import diagnose, is_suspended
from dotdump.ipc.wire import Message, PayloadWriter
from dotdump.linux.proc import Proc

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

NO_PROFILER = "11111111-2222-3333-4444-555555555555"
MODULE_NOT_FOUND = 0x8007007E


def _named(runtime: Runtime) -> str:
    return runtime.version


every_runtime = pytest.mark.parametrize("runtime", runtimes() or [None], ids=lambda r: _named(r) if r else "none")
modern_runtime = pytest.mark.parametrize(
    "runtime", [r for r in runtimes() if r.major >= 8] or [None], ids=lambda r: _named(r) if r else "none"
)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory whose sockets have paths that the kernel takes: pytest's own may be too long."""
    with TemporaryDirectory(dir="/tmp", prefix="dd-") as directory:
        yield Path(directory)


@contextmanager
def _idle(runtime: Runtime | None) -> Iterator[tuple[Corpus, DiagnosticsClient]]:
    if runtime is None:
        missing("no .NET runtime found")
    with corpus(runtime) as process:
        yield process, DiagnosticsClient.for_process(process.pid)


@every_runtime
def test_process_info_of_each_version_says_as_much_as_the_runtime_knows(runtime: Runtime | None) -> None:
    with _idle(runtime) as (process, client):
        assert runtime
        if runtime.major < 5:
            for version in (1, 2, 3):
                with pytest.raises(CommandRejected) as caught:
                    client.process_info_version(version)
                assert caught.value.code == HResult.UNKNOWN_COMMAND
            return
        infos = [client.process_info_version(version) for version in (1, 2, 3)]
        assert client.process_info() == infos[-1]
        assert {info.pid for info in infos} == {process.pid}
        assert len({info.cookie for info in infos}) == 1
        assert all(str(runtime.assembly.resolve()) in info.command_line for info in infos)
        assert {(info.operating_system, info.architecture) for info in infos} == {("Linux", "x64")}
        assert [info.entry_assembly for info in infos] == ["", "Corpus", "Corpus"]
        assert [info.runtime_version for info in infos] == ["", runtime.version, runtime.version]
        assert [info.runtime_identifier for info in infos] == ["", "", "linux-x64"]


@modern_runtime
def test_a_runtime_whose_command_line_does_not_fit_answers_and_is_not_taken_for_an_old_one(
    runtime: Runtime | None,
) -> None:
    if runtime is None:
        missing("no .NET runtime found")
    with corpus(runtime, long="x" * 40_000) as process:
        found = diagnose(process.pid, 10)
        assert (found.state, found.info) == (DiagnosticsState.OK, None)
        assert found.reason.startswith("it does not say who it is: ProcessInfo3 was rejected with E_FAIL")


@modern_runtime
def test_a_variable_that_is_set_is_in_the_environment_and_reaches_the_managed_code(runtime: Runtime | None) -> None:
    with _idle(runtime) as (_, client):
        before = client.environment()
        client.set_environment_variable("DOTDUMP_TEST", "Grüße 🌍")
        assert client.environment() == before | {"DOTDUMP_TEST": "Grüße 🌍"}
        assert before["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] == "1"


@every_runtime
def test_an_event_pipe_session_receives_a_block_and_is_stopped(runtime: Runtime | None) -> None:
    provider = Provider("Microsoft-Windows-DotNETRuntime", keywords=0x1, level=5)
    with _idle(runtime) as (_, client), client.start_event_pipe_session(CollectTracing((provider,))) as session:
        assert runtime
        assert session.command == Command.COLLECT_TRACING2
        data = session.read()
        assert data.startswith(b"Nettrace")
        data += b"".join(session.stop())
        assert b"!FastSerialization.1" in data[:64]
        assert b"Block" in data
        assert session.read() == b""


@pytest.mark.parametrize(
    ("request_", "since"),
    [
        (CollectTracing((Provider("P"),), format=Format.NET_PERF, command=Command.COLLECT_TRACING), 3),
        (CollectTracing((Provider("P"),), rundown=0, command=Command.COLLECT_TRACING2), 3),
        (CollectTracing((Provider("P"),), stackwalk=False), 9),
        (CollectTracing((Provider("P"),), rundown=0x1), 9),
        (CollectTracing((Provider("P", filter=EventFilter(enable=True, ids=(1, 2))),)), 10),
    ],
    ids=["plain", "no-rundown", "no-stacks", "rundown-keyword", "filter"],
)
@every_runtime
def test_each_form_of_a_session_is_started_or_refused_by_name(
    runtime: Runtime | None, request_: CollectTracing, since: int
) -> None:
    with _idle(runtime) as (_, client):
        assert runtime
        if runtime.major < since:
            with pytest.raises(CommandRejected, match="UNKNOWN_COMMAND"):
                client.start_event_pipe_session(request_)
            return
        with client.start_event_pipe_session(request_) as session:
            assert session.session_id
            assert b"".join(session.stop())


@every_runtime
def test_a_session_that_is_not_there_cannot_be_stopped(runtime: Runtime | None) -> None:
    with _idle(runtime) as (_, client):
        answer = client.request(Message(Command.STOP_TRACING, (0xDEAD).to_bytes(8, "little")))
        assert len(answer.payload) in (4, 8)


@modern_runtime
def test_perf_maps_are_switched_on_and_off(runtime: Runtime | None, tmp_path: Path) -> None:
    if runtime is None:
        missing("no .NET runtime found")
    with corpus(runtime, environment={"DOTNET_PerfMapJitDumpPath": str(tmp_path)}) as process:
        client = DiagnosticsClient.for_process(process.pid)
        client.enable_perf_map(PerfMapType.PERF_MAP)
        perf_map = tmp_path / f"perf-{process.pid}.map"
        assert perf_map.stat().st_size
        client.disable_perf_map()
        size = perf_map.stat().st_size
        process.ask("pause?")
        assert perf_map.stat().st_size == size


def _rejections(runtime: Runtime) -> dict[str, tuple[Message, int]]:
    """Requests and the code that this runtime answers with.

    None that is cut inside the count of a string: of those runtimes die (docs/formats/diagnostics-ipc.md).
    """
    unknown = HResult.UNKNOWN_COMMAND
    old = runtime.major < 5
    return {
        "unknown set": (Message(0x0901), unknown),
        "unknown dump command": (Message(0x01EE), unknown),
        "unknown event pipe command": (Message(0x02EE), unknown),
        "unknown process command": (Message(0x04EE), unknown),
        "dump with an endless string": (Message(Command.GENERATE_CORE_DUMP, b"\xff" * 12), HResult.BAD_ENCODING),
        "variable with an endless string": (
            Message(Command.SET_ENVIRONMENT_VARIABLE, b"\xff" * 12),
            unknown if old else HResult.BAD_ENCODING,
        ),
        "variable to unset that is not set": (
            Message(Command.SET_ENVIRONMENT_VARIABLE, PayloadWriter().string("NO_SUCH").u32(0).message(0).payload),
            unknown if old else HResult.ENVVAR_NOT_FOUND,
        ),
        "answer as a request": (Message(0xFF00), unknown),
    }


@every_runtime
def test_each_rejected_command_has_its_code(runtime: Runtime | None) -> None:
    with _idle(runtime) as (process, client):
        assert runtime
        for name, (request, code) in _rejections(runtime).items():
            answer = client.request(request)
            assert (name, answer.command) == (name, 0xFFFF)
            assert (name, hex(int.from_bytes(answer.payload[:4], "little"))) == (name, hex(code))
        with pytest.raises(CommandRejected) as caught:
            client.attach_profiler(NO_PROFILER, "/nowhere/profiler.so")
        assert caught.value.code == MODULE_NOT_FOUND
        assert process.process.poll() is None


@every_runtime
def test_a_dump_says_which_command_wrote_it_and_a_failure_says_why(runtime: Runtime | None, tmp_path: Path) -> None:
    with _idle(runtime) as (_, client):
        assert runtime
        written = client.write_dump(str(tmp_path / "core"), DumpType.MINI, timeout=60)
        assert written.version == (1 if runtime.major < 5 else 3)
        assert (tmp_path / "core").read_bytes()[:4] == b"\x7fELF"
        with pytest.raises(CommandRejected) as caught:
            client.write_dump(str(tmp_path / "no" / "core"), DumpType.MINI, timeout=60)
        assert caught.value.code == HResult.E_FAIL
        assert ("Could not create output file" in caught.value.text) == (runtime.major >= 8)
        if runtime.major < 5:
            with pytest.raises(CommandRejected, match="knows no flag but logging"):
                client.write_dump(str(tmp_path / "core2"), DumpType.MINI, DumpFlags.CRASH_REPORT, timeout=60)


@every_runtime
def test_a_dump_under_way_can_be_watched_and_given_up(runtime: Runtime | None, tmp_path: Path) -> None:
    with _idle(runtime) as (process, client):
        with client.begin_write_dump(str(tmp_path / "core"), DumpType.FULL, timeout=60) as pending:
            assert pending.poll(0) is None
            assert pending.fileno() >= 0
        assert pending.fileno() == -1
        with client.begin_write_dump(str(tmp_path / "core2"), DumpType.MINI, timeout=60) as pending:
            looks = 0
            while (written := pending.poll(0.02)) is None:
                looks += 1
        assert written.path == str(tmp_path / "core2")
        assert looks
        assert process.process.poll() is None


@modern_runtime
def test_a_suspended_runtime_says_so_and_is_resumed_on_its_default_port(runtime: Runtime | None) -> None:
    if runtime is None:
        missing("no .NET runtime found")
    with starting(runtime, environment={"DOTNET_DefaultDiagnosticPortSuspend": "1"}) as process:
        _until(lambda: diagnose(process.pid).state == DiagnosticsState.SUSPENDED)
        client = DiagnosticsClient.for_process(process.pid)
        assert client.process_info().runtime_version == runtime.version
        client.startup_profiler(NO_PROFILER, "/nowhere/profiler.so")
        with pytest.raises(CommandRejected, match="NOT_YET_AVAILABLE"):
            client.attach_profiler(NO_PROFILER, "/nowhere/profiler.so")
        with pytest.raises(TimeoutError):
            process.read_line(0.5)
        client.resume()
        assert process.read_line(30).startswith("{")
        _until(lambda: diagnose(process.pid, 10).state == DiagnosticsState.OK)
        client.resume()


@modern_runtime
def test_a_runtime_that_connects_to_a_listening_port_is_resumed_and_asked_again_and_again(
    runtime: Runtime | None, short_path: Path
) -> None:
    if runtime is None:
        missing("no .NET runtime found")
    path = str(short_path / "port")
    with ReversedServer(path) as server, starting(runtime, environment={"DOTNET_DiagnosticPorts": path}) as process:
        runtime_there = server.accept(30)
        assert (runtime_there.pid, runtime_there.namespace_pid) == (process.pid, process.pid)
        client = server.client(runtime_there.cookie)
        assert client.process_info().cookie == runtime_there.cookie
        assert is_suspended(process.pid)
        client.resume()
        assert process.read_line(30).startswith("{")
        for _ in range(20):
            assert client.process_info().pid == process.pid
        provider = Provider("Microsoft-Windows-DotNETRuntime", keywords=0x1, level=5)
        with client.start_event_pipe_session(CollectTracing((provider,))) as session:
            assert b"".join(session.stop()).startswith(b"Nettrace")
        assert server.runtimes == (runtime_there,)
        assert server.dropped == 0


@modern_runtime
def test_a_tag_with_a_space_before_it_is_none_to_a_runtime_and_to_us(runtime: Runtime | None, short_path: Path) -> None:
    if runtime is None:
        missing("no .NET runtime found")
    path = str(short_path / "port")
    setting = f",{path},, nosuspend"
    assert parse_runtime_ports(setting) == (Port(path, PortMode.CONNECT),)
    with ReversedServer(path) as server, starting(runtime, environment={"DOTNET_DiagnosticPorts": setting}) as process:
        client = server.client(server.accept(30).cookie)
        assert is_suspended(process.pid)
        client.resume()
        assert process.read_line(30).startswith("{")


@modern_runtime
def test_two_runtimes_on_one_port_are_two_entries_and_one_that_ends_is_noticed(
    runtime: Runtime | None, short_path: Path
) -> None:
    if runtime is None:
        missing("no .NET runtime found")
    path = str(short_path / "port")
    settings = {"DOTNET_DiagnosticPorts": f"{path},connect,nosuspend"}
    with ReversedServer(path) as server, corpus(runtime, environment=settings) as stays:
        with corpus(runtime, environment=settings) as ends:
            first, second = server.accept(30), server.accept(30)
            by_pid = {entry.pid: entry for entry in (first, second)}
            assert set(by_pid) == {stays.pid, ends.pid}
        with pytest.raises(ServerSilent):
            server.client(by_pid[ends.pid].cookie).process_info(timeout=0.5)
        assert server.client(by_pid[stays.pid].cookie).process_info().pid == stays.pid


@modern_runtime
def test_the_default_socket_is_a_port_to_connect_to(runtime: Runtime | None) -> None:
    with _idle(runtime) as (process, _):
        assert DiagnosticsClient(PortEndpoint(str(socket_path(process.pid)))).process_info().pid == process.pid


@every_runtime
def test_a_stopped_runtime_is_silent_and_the_question_ends_at_its_deadline(runtime: Runtime | None) -> None:
    with _idle(runtime) as (process, client):
        process.process.send_signal(signal.SIGSTOP)
        _until(lambda: Proc(process.pid).stat().state == "T")
        start = time.monotonic()
        with pytest.raises(ServerSilent):
            client.process_info(timeout=0.4)
        assert time.monotonic() - start < 2
        found = diagnose(process.pid, 0.2)
        assert found.state == DiagnosticsState.SILENT, found


@pytest.mark.parametrize("runtime", [r for r in runtimes() if r.major >= 10] or [None], ids=lambda r: r and r.version)
def test_user_events_are_refused_with_a_code_where_the_kernel_has_none(runtime: Runtime | None) -> None:
    if runtime is None:
        missing("no .NET 10 runtime found")
    if Path("/sys/kernel/tracing/user_events_data").exists():
        missing("a kernel without user_events")
    request = CollectTracing((Provider("P", default_tracepoint="t"),), session_type=SessionType.USER_EVENTS)
    with _idle(runtime) as (_, client), Path(os.devnull).open("wb") as file, pytest.raises(ProtocolError):
        client.start_event_pipe_session(request, user_events=file.fileno())


@pytest.mark.parametrize(("setting", "major"), [("DOTNET_EnableDiagnostics", 3), ("DOTNET_EnableDiagnostics_IPC", 8)])
def test_diagnostics_that_are_switched_off_are_off(setting: str, major: int) -> None:
    fitting = [r for r in runtimes() if r.major >= major]
    if not fitting:
        missing("no .NET runtime found")
    name = setting.replace("DOTNET_", "COMPlus_") if fitting[0].major < 5 else setting
    with corpus(fitting[0], environment={name: "0"}) as process:
        assert diagnose(process.pid).state == DiagnosticsState.OFF
        with pytest.raises(ServerUnavailable, match="no diagnostics socket"):
            DiagnosticsClient.for_process(process.pid).process_info()


@every_runtime
def test_a_temporary_directory_of_its_own_is_found(runtime: Runtime | None, short_path: Path) -> None:
    if runtime is None:
        missing("no .NET runtime found")
    with corpus(runtime, environment={"TMPDIR": str(short_path)}) as process:
        assert diagnose(process.pid, 10).state == DiagnosticsState.OK


def test_a_native_program_with_event_source_support_answers() -> None:
    with corpus(executable("native-aot-net10-eventsource")) as process:
        info = DiagnosticsClient.for_process(process.pid).process_info()
        assert info.pid == process.pid
        assert diagnose(process.pid, 10).state == DiagnosticsState.OK


def test_every_process_info_command_is_asked() -> None:
    assert [int(command) for command in PROCESS_INFO_VERSIONS] == [0x0400, 0x0404, 0x0408]


def _until(condition: object, seconds: float = 20.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.05)

"""Finding the socket of a process: what is said of one that is there and cannot be had."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from dotdump.errors import ServerSilent
from dotdump.ipc.client import DiagnosticsClient
from dotdump.ipc.diagnostics import DiagnosticsState
from dotdump.ipc.discovery import SearchPlace, connect_process, find_candidates, search_place, seen_through
from dotdump.ipc.ports import PortEndpoint
from dotdump.ipc.state import diagnose
from dotdump.ipc.transport import Deadline
from dotdump.ipc.trust import Owner, read_owner
from dotdump.server.diagnostic_server import DiagnosticServer
from dotdump.server.program import socket_name
from dotdump.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.ipc.discovery import FoundSocket, ListNames
    from dotdump.ipc.transport import Channel


@pytest.fixture
def directory() -> Iterator[Path]:
    with TemporaryDirectory(dir="/tmp", prefix="dd-") as name:
        yield Path(name)


@contextmanager
def _full(path: Path) -> Iterator[None]:
    """A socket of ours whose queue takes nobody more."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))
        yield


def test_a_server_whose_queue_is_full_is_silent_not_off(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dotdump.ipc.discovery.search_place", lambda *_: SearchPlace(str(directory)))
    with _full(directory / socket_name()):
        with pytest.raises(ServerSilent, match=r"connecting to .*-socket: no answer within 0\.2 s"):
            connect_process(os.getpid(), Deadline(0.2))
        assert diagnose(os.getpid(), 1).state == DiagnosticsState.SILENT


def test_a_name_that_the_runtime_cut_to_fit_is_found(directory: Path) -> None:
    owner = Owner(1, (1, 47), (0, 0, 0, 0), 123)
    names = ["47-123-sock", "47-12", "47-", "47-13", "47-124-sock", "4", "47-7-socket", "dsrouter-47-123-socket"]
    for name in names:
        (directory / f"dotnet-diagnostic-{name}").touch()
    found = {(c.path.rpartition("diagnostic-")[2], c.key) for c in find_candidates(owner, str(directory))}
    cut = {("47-123-sock", 123), ("47-12", 123), ("47-", 123)}
    assert found == {*cut, ("47-7-socket", 7), ("dsrouter-47-123-socket", 123)}


def test_a_port_whose_queue_is_full_is_silent(directory: Path) -> None:
    with (
        _full(directory / "port"),
        pytest.raises(ServerSilent, match=r"connecting to .*/port: no answer within 0\.2 s"),
    ):
        DiagnosticsClient(PortEndpoint(str(directory / "port")), 0.2).process_info()


def test_a_relative_temporary_directory_is_one_from_where_the_process_is(directory: Path) -> None:
    (directory / "sub").mkdir()
    program = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=directory,
        env=os.environ | {"TMPDIR": "sub"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        place = search_place(read_owner(process.pid))
        process.communicate()
    assert place == SearchPlace(str(directory / "sub"))


def test_who_answers_is_not_silent_because_we_were_late(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(pid: int, deadline: Deadline, root: str, _: ListNames) -> tuple[Channel, FoundSocket]:
        found = connect_process(pid, deadline, root)
        time.sleep(deadline.remaining)
        return found

    monkeypatch.setattr("dotdump.ipc.state.connect_process", late)
    monkeypatch.setattr("dotdump.ipc.discovery.search_place", lambda *_: SearchPlace(str(directory)))
    with DiagnosticServer(settings=Settings(directory=str(directory))):
        assert diagnose(os.getpid(), 5).state == DiagnosticsState.OK


def test_who_can_be_connected_to_is_not_silent_because_it_was_found_late(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dotdump.ipc.discovery.search_place", lambda *_: SearchPlace(str(directory)))
    with DiagnosticServer(settings=Settings(directory=str(directory))) as server:
        channel, found = connect_process(os.getpid(), Deadline(0))
        channel.close()
    assert found.path == server.path


def test_links_of_another_root_lead_from_there(directory: Path) -> None:
    (directory / "run" / "app").mkdir(parents=True)
    (directory / "var").mkdir()
    (directory / "var" / "run").symlink_to("/run")
    (directory / "var" / "back").symlink_to("../run/./app")
    (directory / "loop").symlink_to("/loop")
    root = str(directory)
    assert seen_through(root, "/var/run/app") == f"{root}/run/app"
    assert seen_through(root, "/var/back") == f"{root}/run/app"
    assert seen_through(root, "/../../var//run/../run/none/") == f"{root}/run/none"
    assert seen_through(root, "/loop/x") == f"{root}/loop/x"

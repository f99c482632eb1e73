"""A process that is chosen by its diagnostic port: how long that is waited for."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from dotdump.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def directory() -> Iterator[Path]:
    with TemporaryDirectory(dir="/tmp", prefix="dd-") as name:
        yield Path(name)


def _collect(port: str, directory: Path) -> float:
    """Collect in vain, and return how many seconds that took."""
    start = time.monotonic()
    assert main(["collect", "--dport", port, "--timeout", "0.3", "-o", str(directory / "core")]) == 1
    return time.monotonic() - start


def test_nobody_who_connects_is_waited_for_longer_than_was_said(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = directory / "port"
    assert 0.3 <= _collect(str(port), directory) < 5
    assert capsys.readouterr().err == (
        f"dotdump: waiting for a runtime to connect to {port}: no answer within 0.3 s\n"
        f"  hint: start the program with DOTNET_DiagnosticPorts={port}; a socket that is there takes ',connect'\n"
    )
    assert not port.exists()


def test_nobody_who_listens_is_waited_for_longer_than_was_said(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "port"))
        listener.listen(1)
        assert 0.3 <= _collect(f"{directory}/port,connect", directory) < 5
    assert "no answer within 0.3 s" in capsys.readouterr().err

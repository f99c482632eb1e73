"""``Program``: this process, as its diagnostics server tells of it and changes it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from platform import machine, python_version
from uuid import uuid4

from dotdump.ipc.discovery import PREFIX, SUFFIX
from dotdump.ipc.process import ProcessInfo
from dotdump.linux.proc import Proc
from dotdump.records import replace

_ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64", "armv7l": "arm32", "i686": "x86"}


class Program:
    """The running Python program; its cookie is new with every instance. ``name`` stands for the entry assembly."""

    def __init__(self, name: str | None = None) -> None:
        architecture = _ARCHITECTURES.get(machine(), "Unknown")
        self._info = ProcessInfo(
            pid=os.getpid(),
            cookie=str(uuid4()),
            command_line=" ".join(Proc(os.getpid()).command_line()),
            operating_system="Linux",
            architecture=architecture,
            entry_assembly=name or Path(sys.argv[0] or "python").stem,
            runtime_version=python_version(),
            runtime_identifier=f"linux-{architecture}",
        )

    @property
    def pid(self) -> int:
        """The process that this was made in: a fork of it is another program."""
        return self._info.pid

    @property
    def cookie(self) -> str:
        """The GUID of this start."""
        return self._info.cookie

    def info(self, version: int) -> ProcessInfo:
        """Return what ProcessInfo of ``version`` says."""
        return replace(self._info, version=version)

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable; raises ``ValueError`` or ``OSError`` for a name or value that none can have."""
        os.environ[name] = value

    def unset_variable(self, name: str) -> bool:
        """Unset a variable; return whether it was set; raises ``ValueError`` for a name that none can have."""
        return os.environ.pop(name, None) is not None


def current_environment() -> dict[str, str]:
    """Return the environment as it is now, while other threads may change it."""
    values = ((name, os.environ.get(name)) for name in list(os.environ))
    return {name: value for name, value in values if value is not None}


def socket_name() -> str:
    """Return the name of this process's default socket: pid as we see it, and start time as the key."""
    return f"{PREFIX}{os.getpid()}-{Proc(os.getpid()).stat().start_time}{SUFFIX}"

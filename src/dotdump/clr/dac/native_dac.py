"""``NativeDac``: the DAC that lies beside a target's runtime, asked through a worker process that may die.

Never used unless asked for: it is native code of the machine that analyses, run on bytes of the dump. It is taken only
where the runtime beside it has the build-id of the one in the target, for the DAC itself does not check and crashes.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotdump.closing import Closing
from dotdump.clr.dac.contexts import amd64_context
from dotdump.clr.dac.messages import CONTEXT_BODY, READ_BODY, Kind, parse_json, receive, send, send_json
from dotdump.errors import DacFailed, NotFound
from dotdump.formats.runtime_files import DAC_FILE
from dotdump.limits import STACK_FRAMES
from dotdump.linux.own_program import own_python
from dotdump.memory.mapped_path import file_name
from dotdump.records import record
from dotdump.target.elf_files import find_elf_file
from dotdump.target.model import Architecture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.target.model import Module, Target

CALL_SECONDS = 60.0
_MOST_BYTES_AT_ONCE = 1 << 20


@record
class DacThread:
    """A thread as ``DacpThreadData`` has it; addresses are 0 for none."""

    address: int
    managed_id: int
    os_id: int
    state: int
    cooperative: bool
    lock_count: int
    allocation: tuple[int, int]
    frame: int


@record
class DacFrame:
    """A frame; ``frame`` is the address of an explicit Frame, 0 for managed code. ``name`` is empty where unknown."""

    ip: int
    sp: int
    frame: int
    name: str


@record
class DacReference:
    """A slot at ``address`` (0: a register) that refers to ``object``, in the frame at ``source``."""

    address: int
    object: int
    interior: bool
    pinned: bool
    source: int
    sp: int


@record
class DacHandle:
    """A GC handle at ``address`` of type number ``kind``; ``secondary`` is what a dependent one keeps."""

    address: int
    kind: int
    secondary: int


def find_dac(module: Module, sysroots: Sequence[str] = ()) -> str:
    """Return the path of the DAC for the runtime ``module``; raises ``NotFound`` where this machine has none."""
    runtime = find_elf_file(module.path, module.build_id, sysroots)
    if runtime is None:
        raise NotFound(
            f"no {module.path} with the build-id of the target's on this machine",
            hint="--sysroot DIR names a copy of the file tree that the target ran in",
        )
    path = Path(runtime.path).with_name(DAC_FILE)
    runtime.space.close()
    if not path.is_file():
        raise NotFound(f"no {DAC_FILE} beside {runtime.path}", hint="single-file programs and NativeAOT have none")
    return str(path)


class NativeDac(Closing):
    """The DAC at ``path`` for the runtime ``module`` of ``target``. A context manager.

    Each question has ``seconds``; a worker that takes longer or dies is killed, and every question after that raises
    ``DacFailed`` too.
    """

    def __init__(self, target: Target, module: Module, path: str, *, seconds: float = CALL_SECONDS) -> None:
        host = platform.machine()
        if target.platform.architecture is not Architecture.X86_64 or host != Architecture.X86_64:
            raise DacFailed(f"the DAC of a program for {target.platform.architecture} does not run on {host}")
        self._target = target
        self._seconds = seconds
        self._contexts = {thread.tid: thread.registers for thread in target.threads}
        self._worker, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _start_worker(theirs.fileno())
            except OSError as error:
                self._worker.close()
                raise DacFailed(f"no process can be started for the DAC: {error.strerror}") from error
        name = file_name(module.path)
        try:
            self._ask({"dac": path, "runtime_base": module.base, "runtime_name": name})
        except BaseException:
            self.close()
            raise

    def threads(self) -> tuple[DacThread, ...]:
        """Return the threads, in the order of the runtime's list."""
        return tuple(
            DacThread(
                row["address"],
                row["managed_id"],
                row["os_id"],
                row["state"],
                bool(row["cooperative"]),
                row["lock_count"],
                (row["allocation_pointer"], row["allocation_limit"]),
                row["frame"],
            )
            for row in self._call("threads")
        )

    def stack(self, os_id: int, frames: int = STACK_FRAMES) -> tuple[DacFrame, ...]:
        """Return the frames of a thread, the newest first; none where the runtime does not know the thread."""
        return tuple(DacFrame(**row) for row in self._call("stack", os_id, frames))

    def stack_references(self, os_id: int) -> tuple[DacReference, ...]:
        """Return what the stack of a thread refers to."""
        return tuple(
            DacReference(
                row["address"],
                row["object"],
                bool(row["flags"] & 1),
                bool(row["flags"] & 2),
                row["source"],
                row["stack_pointer"],
            )
            for row in self._call("stack_references", os_id)
        )

    def handles(self) -> tuple[DacHandle, ...]:
        """Return all GC handles."""
        return tuple(DacHandle(row["handle"], row["type"], row["secondary"]) for row in self._call("handles"))

    def close(self) -> None:
        """End the worker. A second call does nothing."""
        self._worker.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def _call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the call answers
        return self._ask({"call": name, "arguments": arguments})

    def _ask(self, request: dict[str, object]) -> Any:  # noqa: ANN401 - whatever the call answers
        if self._process.poll() is not None:
            raise DacFailed(f"the DAC's process is gone: {self._how_it_ended()}")
        try:
            kind, body = self._exchange(request, time.monotonic() + self._seconds)
            answer = parse_json(body)
        except DacFailed as failed:
            self.close()
            raise DacFailed(f"{failed} ({self._how_it_ended()})") from None
        if kind is Kind.FAILED:
            raise DacFailed(str(answer))
        return answer

    def _exchange(self, request: dict[str, object], deadline: float) -> tuple[Kind, bytes]:
        """Send a question and serve the worker until it answers."""
        send_json(self._worker, Kind.CALL, request)
        while True:
            kind, body = receive(self._worker, deadline)
            if kind in (Kind.RESULT, Kind.FAILED):
                return kind, body
            self._serve(kind, body)

    def _serve(self, kind: Kind, body: bytes) -> None:
        """Give the worker the memory or the registers that it asks for; nothing where they are not there."""
        if kind is Kind.READ and len(body) == READ_BODY.size:
            address, size = READ_BODY.unpack(body)
            data = self._target.memory.read_available(address, min(size, _MOST_BYTES_AT_ONCE))
        elif kind is Kind.CONTEXT and len(body) == CONTEXT_BODY.size:
            registers = self._contexts.get(*CONTEXT_BODY.unpack(body))
            data = amd64_context(registers) if registers is not None else b""
        else:
            raise DacFailed(f"the DAC's process asks for {kind.name}, of {len(body)} bytes")
        send(self._worker, Kind.DATA, data)

    def _how_it_ended(self) -> str:
        code = self._process.returncode
        if code is None:
            return "it runs"
        return f"it died of {signal.Signals(-code).name}" if code < 0 else f"it ended with exit code {code}"


def _start_worker(descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [own_python(), "-P", "-m", "dotdump.clr.dac.worker", str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        pass_fds=[descriptor],
    )

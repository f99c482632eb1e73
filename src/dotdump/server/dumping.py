"""The default way to a dump of ourselves: a child process runs ``dotdump`` on us.

A process cannot stop itself and write at the same time, so as a runtime starts createdump we start ourselves again,
from where we were found: never from the directory that we happen to be in.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys

from dotdump.dump.naming import crash_template
from dotdump.errors import CollectError
from dotdump.ipc.dump import DumpFlags, DumpType
from dotdump.linux.own_program import own_python
from dotdump.server.program import current_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.ipc.dump import GenerateCoreDump

SECONDS = 3600.0
_HELD = re.compile(r"/proc/\d+/fd/\d+")
_REPORTS = DumpFlags.CRASH_REPORT | DumpFlags.CRASH_REPORT_ONLY
_DONE_WITH_WARNINGS = 3
_PR_SET_PTRACER = 0x59616D61


def dump_self(request: GenerateCoreDump) -> None:
    """Write the core that was asked for; raises ``CollectError`` with what the child said where it could not."""
    kind = DumpType(request.type)
    if kind != DumpType.FULL:
        raise CollectError(f"a Python program has no {kind.title} dump: ask for a Full one")
    try:
        code, text = _run([own_python(), "-P", "-m", "dotdump.server.child", *_module(request)])
    except OSError as error:
        raise CollectError(f"cannot run dotdump on process {os.getpid()}: {error}") from error
    if code not in (0, _DONE_WITH_WARNINGS):
        raise CollectError(text or ("dotdump was ended while it ran" if code is None else f"dotdump ended with {code}"))


def _module(request: GenerateCoreDump) -> list[str]:
    """Return the module to run and its arguments.

    ``collect`` writes a new file and never through a link; who asks for a dump into a descriptor that they hold open,
    as our own ``collect`` does, has made that file already. ``createdump`` fails where there is no crash report.
    """
    pid, path = str(os.getpid()), request.path or crash_template()
    if _HELD.fullmatch(path):
        if request.flags & _REPORTS:
            raise CollectError(f"{path} has no place beside it for a crash report")
        return ["dotdump.server.dump_worker", pid, path]
    if os.path.isdir(path):  # noqa: PTH112 -- where it cannot be seen, the child says why
        raise CollectError(f"cannot write to {path}: it is a directory")
    if not path.startswith("/"):
        path = f"./{path}"  # neither an option nor standard output
    if request.flags & _REPORTS:
        report = "--crashreportonly" if request.flags & DumpFlags.CRASH_REPORT_ONLY else "--crashreport"
        return ["dotdump", "createdump", "--full", report, "--name", path, pid]
    return ["dotdump", "collect", "-p", pid, "--type", "Full", "--method", "ptrace", "--force", "--output", path]


def _run(command: list[str]) -> tuple[int | None, str]:
    """Run the child, which may trace us meanwhile; return its exit code, None where it told none, and what it said."""
    environment = current_environment() | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        _allow_tracer(child.pid)
        try:
            code, said = child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            return None, f"no dump within {SECONDS:g} s"
        finally:
            _allow_tracer(0)
    return int(code) if code else None, said.decode("utf-8", "replace").strip()


def _allow_tracer(pid: int) -> None:
    """Let ``pid`` trace us where Yama would not (0: nobody any more); where there is no Yama this does nothing."""
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(pid), 0, 0, 0)

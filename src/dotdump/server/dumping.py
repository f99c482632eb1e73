"""The default way to a dump of ourselves: a child process runs ``dotdump collect`` on us.

A process cannot stop itself and write at the same time, so as a runtime starts createdump we start ourselves again.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

from dotdump.errors import CollectError
from dotdump.ipc.dump import DumpType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.ipc.dump import GenerateCoreDump

SECONDS = 3600.0
_DEFAULT_PATH = "/tmp/coredump.%p"  # noqa: S108 -- createdump's own default
_DONE_WITH_WARNINGS = 3
_PR_SET_PTRACER = 0x59616D61


def dump_self(request: GenerateCoreDump) -> None:
    """Write the core that was asked for; raises ``CollectError`` with what the child said where it could not."""
    kind = DumpType(request.type)
    if kind != DumpType.FULL:
        raise CollectError(f"a Python program has no {kind.name.capitalize()} dump: ask for a Full one")
    try:
        code, text = _run([sys.executable, "-m", *_module(request.path or _DEFAULT_PATH)])
    except OSError as error:
        raise CollectError(f"cannot run dotdump on process {os.getpid()}: {error}") from error
    if code not in (0, _DONE_WITH_WARNINGS):
        raise CollectError(text or f"dotdump ended with {code}")


def _module(path: str) -> list[str]:
    """Return the module to run and its arguments.

    ``collect`` writes a new file and never through a link; who asks for a dump into a descriptor that they hold open,
    as our own ``collect`` does, has made that file already.
    """
    pid = str(os.getpid())
    if os.path.dirname(path).endswith("/fd") and path.startswith("/proc/"):  # noqa: PTH120 -- a name, not a file
        return ["dotdump.server.dump_worker", pid, path]
    return ["dotdump", "collect", "-p", pid, "--type", "Full", "--method", "ptrace", "--force", "--output", path]


def _run(command: list[str]) -> tuple[int, str]:
    """Run the child, which may trace us meanwhile; return its exit code and what it said."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        _allow_tracer(child.pid)
        try:
            _, said = child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait(), f"no dump within {SECONDS:g} s"
        finally:
            _allow_tracer(0)
    return child.returncode, said.decode("utf-8", "replace").strip()


def _allow_tracer(pid: int) -> None:
    """Let ``pid`` trace us where Yama would not (0: nobody any more); where there is no Yama this does nothing."""
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(pid), 0, 0, 0)

"""Which .NET runtime a process runs, found by the files it maps: so also where its diagnostics are off.

A runtime of its own file is known by the file's name, which is all that is read of the maps; one that is linked into
the program (single file, NativeAOT) by what the program exports: ``runtime_exports``, which is imported only where
such a program is in doubt. Nothing here talks to the process.
"""

from __future__ import annotations

import os

from dotdump.formats.runtime_files import RUNTIME_FILE, SHARED_FRAMEWORK
from dotdump.linux.errors import explain
from dotdump.linux.proc import ROOT, Proc
from dotdump.linux.text import unescape
from dotdump.memory.mapped_path import DELETED, file_name, within
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CORECLR, MONO = f"/{RUNTIME_FILE}".encode(), b"/libmonosgen-2.0.so"
_FILES = (CORECLR, MONO, CORECLR + DELETED.encode(), MONO + DELETED.encode())
_CHUNK = 1 << 16
_LONGEST_LINE = 4096 * 4 + 128


class RuntimeKind:
    """How a runtime came into its process."""

    CORECLR = "coreclr"
    SINGLE_FILE = "single-file"
    NATIVE_AOT = "native-aot"
    MONO = "mono"


@record
class RuntimeFile:
    """The file that holds the runtime: ``path`` as the process sees it; ``version`` is ``""`` where it does not say.

    The path of a file that was removed, as packages do that are updated, ends in the kernel's ``" (deleted)"``.
    """

    kind: str
    path: str
    version: str


def find_runtime(pid: int, root: str = ROOT) -> RuntimeFile | None:
    """Return the runtime that process ``pid`` has mapped, or None; raises ``ProcessGone`` or ``AccessDenied``."""
    directory, own_root = f"{root}/{pid}", Proc(pid, root).root()
    try:
        path = _mapped_runtime(f"{directory}/maps")
        if path is None:
            from dotdump.ipc.runtime_exports import identify

            program = os.readlink(f"{directory}/exe")
            kind, version = identify(f"{directory}/exe")
            return None if kind is None else RuntimeFile(kind, within(own_root, program), version)
    except FileNotFoundError as error:
        if os.path.exists(directory):  # a kernel thread or a zombie has no program
            return None
        raise explain(error, pid, "look at its mapped files") from error
    except OSError as error:
        raise explain(error, pid, "look at its mapped files") from error
    path = within(own_root, path)
    return _of_file(path, f"{directory}/root{path}")


def version_in_path(path: str) -> str:
    """Return the version in ``…/Microsoft.NETCore.App/VERSION/…``, or ``""``."""
    _, found, rest = path.rpartition(SHARED_FRAMEWORK)
    version, slash, _ = rest.partition("/")
    return version if found and slash and version[:1].isdigit() else ""


def _of_file(path: str, reachable: str) -> RuntimeFile:
    removed = path.endswith(DELETED)
    named = RuntimeKind.MONO if f"/{file_name(path)}" == MONO.decode() else RuntimeKind.CORECLR
    version = version_in_path(path)
    if version or removed or named == RuntimeKind.MONO:
        return RuntimeFile(named, path, version)
    from dotdump.ipc.runtime_exports import identify

    try:
        kind, version = identify(reachable)
    except OSError:
        return RuntimeFile(named, path, "")
    return RuntimeFile(RuntimeKind.MONO if kind == RuntimeKind.MONO else named, path, version)


def _mapped_runtime(maps: str) -> str | None:
    """Return the path of a runtime's own file, reading the maps no further than its first line."""
    for text in _pieces(maps):
        for name in _FILES:
            position = text.find(name + b"\n")
            if position >= 0:
                line = text[text.rfind(b"\n", 0, position) + 1 : position + len(name)]
                return os.fsdecode(unescape(line[line.find(b"/") :], b"\n"))
    return None


def _pieces(path: str) -> Iterator[bytes]:
    """Yield the text in pieces that overlap by at least a line, so that no name is cut in two."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        rest = b""
        while part := os.read(descriptor, _CHUNK):
            text = rest + part
            yield text
            rest = text[text.rfind(b"\n") + 1 :][-_LONGEST_LINE:]
    finally:
        os.close(descriptor)

"""Which .NET runtime a process runs, found by the files it maps: so also where its diagnostics are off.

A runtime of its own file is known by the file's name, which is all that is read of the maps; one that is linked into
the program (single file, NativeAOT) by what the program exports. Nothing here talks to the process.
Source of truth: exports of libcoreclr.so, of ``singlefilehost`` and of NativeAOT programs, 3.1 to 10.0.
"""

from __future__ import annotations

import os
from struct import Struct

from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.elf_exports import Exports
from dotdump.linux.errors import explain
from dotdump.linux.open_file import OpenFile
from dotdump.linux.proc import ROOT
from dotdump.linux.text import unescape
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CORECLR, MONO = b"/libcoreclr.so", b"/libmonosgen-2.0.so"
RUNTIME_INFO = "DotNetRuntimeInfo"
_SHARED_FRAMEWORK = "/Microsoft.NETCore.App/"
_INFO = Struct("<18s2xI72x")
_VERSION = Struct("<4i")
_WRITTEN, _WRITTEN_LENGTH = b"@(#)Version ", 64
_SEARCHED = 64 << 20
_FIRST_OF_ITS_NAME = 5
"""Before .NET 5 the file version was that of the compiler: 4.700 is 3.0 and 3.1 alike."""
_CHUNK = 1 << 16
_LONGEST_LINE = 4096 * 4 + 128
_KNOWN: dict[tuple[int, int, int, int], tuple[str | None, str]] = {}


class RuntimeKind:
    """How a runtime came into its process."""

    CORECLR = "coreclr"
    SINGLE_FILE = "single-file"
    NATIVE_AOT = "native-aot"
    MONO = "mono"


@record
class RuntimeFile:
    """The file that holds the runtime: ``path`` as the process sees it; ``version`` is ``""`` where it does not say."""

    kind: str
    path: str
    version: str


def find_runtime(pid: int, root: str = ROOT) -> RuntimeFile | None:
    """Return the runtime that process ``pid`` has mapped, or None; raises ``ProcessGone`` or ``AccessDenied``."""
    directory = f"{root}/{pid}"
    try:
        path = _mapped_runtime(f"{directory}/maps")
        if path is None:
            program = os.readlink(f"{directory}/exe")
            kind, version = _identify(f"{directory}/exe")
            return None if kind is None else RuntimeFile(kind, program, version)
    except FileNotFoundError as error:
        if os.path.exists(directory):  # a kernel thread or a zombie has no program
            return None
        raise explain(error, pid, "look at its mapped files") from error
    except OSError as error:
        raise explain(error, pid, "look at its mapped files") from error
    return _of_file(path, f"{directory}/root{path}")


def written_version(path: str) -> str:
    """Return the version that a file built with the runtime bears, ``""`` where it bears or shows none."""
    try:
        with OpenFile(path) as file:
            return _written_version(file)
    except (OSError, FormatError):
        return ""


def version_in_path(path: str) -> str:
    """Return the version in ``…/Microsoft.NETCore.App/VERSION/…``, or ``""``."""
    _, found, rest = path.rpartition(_SHARED_FRAMEWORK)
    version, slash, _ = rest.partition("/")
    return version if found and slash and version[:1].isdigit() else ""


def _of_file(path: str, reachable: str) -> RuntimeFile:
    named = RuntimeKind.MONO if path.endswith(MONO.decode()) else RuntimeKind.CORECLR
    version = version_in_path(path)
    if version or named == RuntimeKind.MONO:
        return RuntimeFile(named, path, version)
    try:
        kind, version = _identify(reachable)
    except OSError:
        return RuntimeFile(named, path, "")
    return RuntimeFile(RuntimeKind.MONO if kind == RuntimeKind.MONO else named, path, version)


def _mapped_runtime(maps: str) -> str | None:
    """Return the path of a runtime's own file, reading the maps no further than its first line."""
    for text in _pieces(maps):
        for name in (CORECLR, MONO):
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


def _identify(path: str) -> tuple[str | None, str]:
    """Return what runtime a program or library holds, if any, and its version; each file is read once."""
    with OpenFile(path) as file:
        if file.key not in _KNOWN:
            _KNOWN[file.key] = _inspect(file)
        return _KNOWN[file.key]


def _inspect(file: OpenFile) -> tuple[str | None, str]:
    try:
        exports = Exports(file, file.name)
        info = exports.find(RUNTIME_INFO)
        if info is not None:
            return RuntimeKind.SINGLE_FILE, _runtime_version(exports, info.value, info.size)
        if exports.find("DotNetRuntimeDebugHeader") is not None:
            return RuntimeKind.NATIVE_AOT, ""
        if exports.find("mono_jit_init") is not None:
            return RuntimeKind.MONO, ""
        if exports.find("coreclr_initialize") is not None:
            return RuntimeKind.CORECLR, _written_version(file)
    except (FormatError, MemoryFault):
        return None, ""
    return None, ""


def _runtime_version(exports: Exports, address: int, size: int) -> str:
    """Return what ``RuntimeInfo`` says (runtimeinfo.h): its second form ends in a version of four numbers."""
    signature, form = _INFO.unpack(exports.read(address, _INFO.size))
    if not signature.startswith(RUNTIME_INFO.encode()) or form < 2 or size < _INFO.size + _VERSION.size:
        return ""
    major, minor, build, _ = _VERSION.unpack(exports.read(address + _INFO.size, _VERSION.size))
    return f"{major}.{minor}.{_patch(build)}"


def _written_version(file: OpenFile) -> str:
    """Return the version that CoreCLR writes into its data as ``@(#)Version M.m.BUILD.REVISION``."""
    end = min(file.size, _SEARCHED)
    while end > 0:
        start = max(0, end - _CHUNK)
        text = file.read_available(start, end - start + _WRITTEN_LENGTH)
        position = text.rfind(_WRITTEN)
        if position >= 0:
            words = text[position + len(_WRITTEN) :][:_WRITTEN_LENGTH].split(b" ", 1)[0].split(b".")
            if len(words) >= 3 and all(word.isdigit() for word in words[:3]) and int(words[0]) >= _FIRST_OF_ITS_NAME:
                return f"{int(words[0])}.{int(words[1])}.{_patch(int(words[2]))}"
        end = start
    return ""


def _patch(build: int) -> int:
    """Return the patch of a file version's third number, where the year follows it: 1226 is 12 of 2026."""
    return build // 100

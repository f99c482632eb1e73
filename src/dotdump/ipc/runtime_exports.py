"""Which .NET runtime a program or library holds, told by what it exports, and the version that it bears.

Each file is read once, however many processes run it. Knows no processes.
Source of truth: exports of libcoreclr.so, of ``singlefilehost`` and of NativeAOT programs, 3.1 to 10.0.
"""

from __future__ import annotations

from struct import Struct

from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.elf_exports import Exports
from dotdump.formats.runtime_files import DEBUG_HEADER, RUNTIME_INFO
from dotdump.ipc.runtime_file import RuntimeKind
from dotdump.linux.open_file import OpenFile

_INFO = Struct("<18s2xI72x")
_VERSION = Struct("<4i")
_WRITTEN, _WRITTEN_LENGTH = b"@(#)Version ", 64
_SEARCHED = 64 << 20
_FIRST_OF_ITS_NAME = 5
"""Before .NET 5 the file version was that of the compiler: 4.700 is 3.0 and 3.1 alike."""
_CHUNK = 1 << 16
_KNOWN: dict[tuple[int, int, int, int], tuple[str | None, str]] = {}


def identify(path: str) -> tuple[str | None, str]:
    """Return what runtime a program or library holds, if any, and its version; each file is read once."""
    with OpenFile(path) as file:
        if file.key not in _KNOWN:
            _KNOWN[file.key] = _inspect(file)
        return _KNOWN[file.key]


def written_version(path: str) -> str:
    """Return the version that a file built with the runtime bears, ``""`` where it bears or shows none."""
    try:
        with OpenFile(path) as file:
            return _written_version(file)
    except (OSError, FormatError):
        return ""


def _inspect(file: OpenFile) -> tuple[str | None, str]:
    try:
        exports = Exports(file, file.name)
        info = exports.find(RUNTIME_INFO)
        if info is not None:
            return RuntimeKind.SINGLE_FILE, _runtime_version(exports, info.value, info.size)
        if exports.find(DEBUG_HEADER) is not None:
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

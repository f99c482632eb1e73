"""Which version of .NET a runtime module is: by where it was loaded from, its own words, or its core library's.

Source of truth: ``DotNetRuntimeInfo`` of src/coreclr/debug/runtimeinfo/runtimeinfo.h (single-file hosts export it).
"""

from __future__ import annotations

import re
from struct import Struct
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.runtime_files import RUNTIME_INFO
from dotdump.memory.mapped_path import file_name

if TYPE_CHECKING:
    from dotdump.clr.runtime_module import RuntimeModule
    from dotdump.target.model import Target

_BY_FOLDER = re.compile(r"/Microsoft\.NETCore\.App/(\d{1,5}\.\d{1,5}\.\d{1,9}[^/]*)/", re.ASCII)
_NUMBERS = r"(\d{1,5})\.(\d{1,5})\.(\d{1,9})\.\d"
_BUILD = re.compile(_NUMBERS, re.ASCII)
_CORE_LIBRARY = "System.Private.CoreLib.dll"
_BY_TEXT = re.compile(rb"@\(#\)Version " + _NUMBERS.encode())
_INFO = Struct("<18s2xI72s4i")
_INFO_MAGIC = RUNTIME_INFO.encode() + b"\0"
_READ = 1 << 20


def major_of(version: str) -> int:
    """Return the first number of a version, 0 where it is not known."""
    first = version.partition(".")[0]
    return int(first) if first.isdecimal() else 0


def find_version(target: Target, runtime: RuntimeModule) -> str:
    """Return the version as text, such as ``8.0.4``; empty where nothing says so."""
    named = _BY_FOLDER.search(runtime.module.path)
    return named[1] if named else _by_info(target, runtime) or _by_text(target, runtime) or _by_core_library(target)


def _by_info(target: Target, runtime: RuntimeModule) -> str:
    address = runtime.module.find_symbol(RUNTIME_INFO)
    data = target.memory.read_available(address, _INFO.size) if address is not None else b""
    if len(data) < _INFO.size or not data.startswith(_INFO_MAGIC):
        return ""
    major, minor, build, _ = _INFO.unpack(data)[3:]
    return _readable(major, minor, build) if 3 <= major < 1000 else ""


def _by_text(target: Target, runtime: RuntimeModule) -> str:
    for region in target.regions:
        if not runtime.module.base <= region.start < runtime.module.end:
            continue
        for start in range(region.start, min(region.end, region.start + limits.RUNTIME_REGION), _READ):
            found = _BY_TEXT.search(target.memory.read_available(start, min(_READ + 64, region.end - start)))
            if found:
                return _readable(*map(int, found.groups()))
    return ""


def _by_core_library(target: Target) -> str:
    """Return the version by the metadata of the library that each runtime has its own of.

    createdump's small dumps keep that, and not the page with the runtime's own text.
    """
    from dotdump.formats.metadata.attributes import file_version
    from dotdump.formats.metadata.image import Metadata
    from dotdump.formats.pe import PeImage

    mapped = (region for region in target.regions if not region.offset and file_name(region.path) == _CORE_LIBRARY)
    for base in (region.start for region in mapped):
        for loaded in (True, False):
            try:
                image = PeImage(target.memory, base, loaded=loaded, source=_CORE_LIBRARY)
                found = _BUILD.match(file_version(Metadata(image.metadata_window(), _CORE_LIBRARY)))
            except (FormatError, MemoryFault):
                continue
            if found:
                return _readable(*map(int, found.groups()))
    return ""


def _readable(major: int, minor: int, build: int) -> str:
    """Return major.minor.patch; the third number of a file version holds a hundred builds for each patch.

    The files of .NET Core 3.1 call themselves 4.700.
    """
    if (major, minor) == (4, 700):
        return "3.1"
    return f"{major}.{minor}.{build // 100}"

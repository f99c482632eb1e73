"""The page by which .NET's tools know a core that was taken for them, and find the runtime in it.

createdump adds it as one more segment, at an address where no process has memory. What hangs on it for a reader: no
warning that runtime memory may be missing, and the base of the runtime without a search. Source of truth: the
``SpecialDiagInfoHeader`` of the runtime, version 2; read from cores of .NET 8, 9 and 10.
"""

from __future__ import annotations

from struct import Struct

from dotdump.records import record

DIAGNOSTICS_PAGE_ADDRESS = 0x7FFFFFF10000
DIAGNOSTICS_PAGE_SIZE = 0x1000
SIGNATURE = b"DIAGINFOHEADER\0\0"
_PAGE = Struct("<16si4xQQ")
_VERSION = 2


@record
class DiagnosticsPage:
    """``exception_record`` is the address of the crash record of NativeAOT, or 0; ``runtime_base`` or 0 alike."""

    runtime_base: int = 0
    exception_record: int = 0
    version: int = _VERSION


def build_diagnostics_page(page: DiagnosticsPage) -> bytes:
    """Return the 4 KiB of the page."""
    head = _PAGE.pack(SIGNATURE, page.version, page.exception_record, page.runtime_base)
    return head.ljust(DIAGNOSTICS_PAGE_SIZE, b"\0")


def parse_diagnostics_page(data: bytes) -> DiagnosticsPage | None:
    """Return the page, or None where ``data`` does not begin with its signature. Version 1 has no runtime base."""
    if len(data) < _PAGE.size or not data.startswith(SIGNATURE):
        return None
    _, version, exception_record, runtime_base = _PAGE.unpack_from(data)
    return DiagnosticsPage(runtime_base if version >= _VERSION else 0, exception_record, version)

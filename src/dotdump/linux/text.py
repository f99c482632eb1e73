"""Words shared by the parsers of /proc text: numbers that may be wrong, names that may hold anything."""

from __future__ import annotations

import os

from dotdump.errors import FormatError


def decimal(text: bytes, source: str) -> int:
    """Return a decimal number, or raise ``FormatError``."""
    return _number(text, 10, source)


def hexadecimal(text: bytes, source: str) -> int:
    """Return a number of hexadecimal digits without prefix, or raise ``FormatError``."""
    return _number(text, 16, source)


def name(raw: bytes) -> str:
    """Return a name of the file system or the kernel as text; bytes that are not UTF-8 become lone surrogates."""
    return os.fsdecode(raw)


def unescape(raw: bytes, escaped: bytes) -> bytes:
    r"""Undo the kernel's ``mangle_path``: ``\ooo`` for each of the bytes in ``escaped``, and for no other."""
    if b"\\" not in raw:
        return raw
    parts = raw.split(b"\\")
    found = [parts[0]]
    for part in parts[1:]:
        code = part[:3]
        value = int(code, 8) if len(code) == 3 and code.isdigit() and max(code) < 0x38 else -1
        if 0 <= value < 256 and value in escaped:
            found.append(bytes((value,)) + part[3:])
        else:
            found.append(b"\\" + part)
    return b"".join(found)


def _number(text: bytes, base: int, source: str) -> int:
    try:
        return int(text, base)
    except ValueError:
        shown = text[:40].decode("ascii", "backslashreplace")
        raise FormatError(f"not a number: {shown!r}", source=source) from None

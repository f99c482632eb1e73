"""Embedded metadata of NativeAOT that no compiler wrote: assemblies, namespaces and types, back to front."""

from __future__ import annotations

from dataclasses import dataclass, field

SIGNATURE = 0xDEADDFFD.to_bytes(4, "little")
NAMESPACE, SCOPE, TYPE = 47, 56, 58


def unsigned(value: int) -> bytes:
    """Encode an integer in as few bytes as it takes."""
    for width in range(1, 5):
        if value < 1 << 7 * width:
            return (value << width | (1 << width - 1) - 1).to_bytes(width, "little")
    return b"\x0f" + value.to_bytes(4, "little")


def signed(value: int) -> bytes:
    """Encode a signed integer in as few bytes as it takes."""
    for width in range(1, 5):
        if -(1 << 7 * width - 1) <= value < 1 << 7 * width - 1:
            word = value << width | (1 << width - 1) - 1
            return (word & (1 << 8 * width) - 1).to_bytes(width, "little")
    return b"\x0f" + value.to_bytes(4, "little", signed=True)


@dataclass
class NativeMetadataBuilder:
    """``kind_bits`` of a handle tell what it means; offsets are those in ``data``."""

    kind_bits: int = 7
    data: bytearray = field(default_factory=lambda: bytearray(SIGNATURE + b"\0" * 4))

    def text(self, value: str) -> int:
        return self._add(unsigned(len(value.encode())) + value.encode())

    def assembly(self, name: str) -> int:
        """Add an assembly and return its root namespace."""
        scope = self._add(unsigned(0) + unsigned(self.text(name)))
        return self._add(unsigned(scope << self.kind_bits | SCOPE) + unsigned(0))

    def namespace(self, parent: int, name: str) -> int:
        return self._add(unsigned(parent << self.kind_bits | NAMESPACE) + unsigned(self.text(name)))

    def type(self, namespace: int, name: str, enclosing: int = 0) -> int:
        """Add a type and return its token."""
        place = self.text(name)
        values = (0x101, 0, namespace, place, 0, 0, enclosing & (1 << 32 - self.kind_bits) - 1)
        return TYPE << 32 - self.kind_bits | self._add(b"".join(unsigned(value) for value in values))

    def handle(self, kind: int, offset: int) -> bytes:
        return unsigned(offset << self.kind_bits | kind)

    def record(self, *parts: bytes) -> int:
        """Add a record of these parts and return its offset."""
        return self._add(b"".join(parts))

    def _add(self, data: bytes) -> int:
        place = len(self.data)
        self.data += data
        return place


def hashtable(entries: list[bytes]) -> bytes:
    """Return a table of one bucket that leads to ``entries``."""
    rows = len(entries) * 6
    place, body, table = 5 + rows, b"", b""
    for entry in entries:
        at = 5 + len(table) + 1
        table += b"\x80\x0f" + (place + len(body) - at).to_bytes(4, "little", signed=True)
        body += entry
    header = bytes([1]) + (4).to_bytes(2, "little") + (4 + rows).to_bytes(2, "little")
    return header + table + body

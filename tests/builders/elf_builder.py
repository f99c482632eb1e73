"""A shared library from first principles: text, a build-id, dynamic symbols behind both hash tables, RELRO."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

PAGE = 4096
DATA = 2 * PAGE
"""Where RELRO begins, in the file and in memory; the dynamic section is its second half."""


def _hash(name: bytes) -> int:
    value = 5381
    for byte in name:
        value = (value * 33 + byte) % 2**32
    return value


@dataclass
class ElfBuilder:
    """``symbols`` are (name, value, size); ``relocations`` are (place, type, symbol index, addend).

    ``kinds`` are (st_info, st_other, st_shndx) of symbols that are no global functions; ``dynamic`` are more entries:
    one says that the library needs another file. ``versions`` are those of the symbols, the first (null) included.
    """

    machine: int = 62
    build_id: bytes = b"\x11\x22\x33\x44" * 5
    symbols: list[tuple[bytes, int, int]] = field(
        default_factory=lambda: [(b"first", 0x800, 16), (b"second", 0x900, 8)]
    )
    imports: list[bytes] = field(default_factory=list)
    relocations: list[tuple[int, int, int, int]] = field(default_factory=list)
    relr: list[int] = field(default_factory=list)
    data: bytes = b""
    gnu: bool = True
    kinds: dict[bytes, tuple[int, int, int]] = field(default_factory=dict)
    dynamic: list[tuple[int, int]] = field(default_factory=lambda: [(1, 0)])
    versions: list[int] = field(default_factory=list)

    def build(self) -> bytes:
        strings, rows = bytearray(b"\0"), [bytes(24)]
        named = [(name, 0, 0, 0) for name in self.imports] + [(n, 1, value, size) for n, value, size in self.symbols]
        for name, index, value, size in named:
            rows.append(struct.pack("<IBBHQQ", len(strings), *self.kinds.get(name, (0x12, 0, index)), value, size))
            strings += name + b"\0"
        first = 1 + len(self.imports)
        at, body, dynamic = PAGE, bytearray(), []
        tables = {
            6: b"".join(rows),
            5: bytes(strings),
            0x6FFFFEF5 if self.gnu else 4: self._gnu(first) if self.gnu else self._sysv(len(rows)),
            7: b"".join(struct.pack("<QQq", p, (s << 32) | t, a) for p, t, s, a in self.relocations),
            36: struct.pack(f"<{len(self.relr)}Q", *self.relr),
        }
        if self.versions:
            tables[0x6FFFFFF0] = struct.pack(f"<{len(self.versions)}H", *self.versions)
        for tag, table in tables.items():
            dynamic.append((tag, at + len(body)))
            body += table + bytes(-len(table) % 8)
        dynamic += [*self.dynamic, (10, len(strings)), (8, len(tables[7])), (35, len(tables[36])), (0, 0)]
        section = b"".join(struct.pack("<QQ", *entry) for entry in dynamic)
        note = struct.pack("<III", 4, len(self.build_id), 3) + b"GNU\0" + self.build_id
        headers = [
            (1, 5, 0, 0, DATA, DATA),
            (1, 6, DATA, DATA, PAGE, PAGE),
            (2, 6, DATA + 2048, DATA + 2048, len(section), len(section)),
            (4, 4, 0x400, 0x400, len(note), len(note)),
            (0x6474E552, 4, DATA, DATA, PAGE, PAGE),
        ]
        program_headers = b"".join(struct.pack("<IIQQQQQQ", t, f, o, v, 0, z, m, PAGE) for t, f, o, v, z, m in headers)
        head = b"\x7fELF\x02\x01\x01" + bytes(9)
        head += struct.pack("<HHIQQQI6H", 3, self.machine, 1, 0, 64, 0, 0, 64, 56, len(headers), 0, 0, 0)
        text = (head + program_headers).ljust(0x400, b"\0") + note
        return (
            text.ljust(PAGE, b"\xcc")
            + bytes(body).ljust(PAGE, b"\0")
            + self.data.ljust(2048, b"\0")
            + section.ljust(2048, b"\0")
        )

    def _gnu(self, first: int) -> bytes:
        """One bucket; a bloom filter that lets everything pass."""
        hashes = [_hash(name) for name, _, _ in self.symbols]
        chain = [value & ~1 for value in hashes[:-1]] + [value | 1 for value in hashes[-1:]]
        head = struct.pack("<4IQI", 1, first, 1, 0, 2**64 - 1, first if chain else 0)
        return head + struct.pack(f"<{len(chain)}I", *chain)

    def _sysv(self, count: int) -> bytes:
        """One bucket; the chain runs over all symbols."""
        return struct.pack(f"<3I{count}I", 1, count, 1, 0, *range(2, count), 0)


def sections(file: bytes, contents: dict[bytes, bytes], symbols: list[tuple[bytes, int, int]] | None = None) -> bytes:
    """Return the file with sections behind its end: ``contents`` by name, and a .symtab of (name, value, size)."""
    body, names, rows = bytearray(file), bytearray(b"\0"), [bytes(64)]

    def add(name: bytes, kind: int, data: bytes, link: int = 0) -> None:
        rows.append(struct.pack("<IIQQQQIIQQ", len(names), kind, 0, 0, len(body), len(data), link, 1, 8, 0))
        names.extend(name + b"\0")
        body.extend(data + bytes(-len(data) % 8))

    if symbols:
        strings, table = bytearray(b"\0"), bytearray(24)
        for name, value, size in symbols:
            table += struct.pack("<IBBHQQ", len(strings), 0x02, 0, 1, value, size)
            strings += name + b"\0"
        add(b".symtab", 2, bytes(table), link=2)
        add(b".strtab", 3, bytes(strings))
    for name, data in contents.items():
        add(name, 1, data)
    add(b".shstrtab", 3, bytes(names) + b".shstrtab\0")
    at = len(body)
    body += b"".join(rows)
    struct.pack_into("<Q", body, 40, at)
    struct.pack_into("<3H", body, 58, 64, len(rows), len(rows) - 1)
    return bytes(body)

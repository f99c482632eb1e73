"""Exports, with readelf's own view of real libraries as the witness, and files that lie."""

import ctypes.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import missing
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.formats.elf import PN_XNUM, ElfHeader, ElfType, build_extended_counts, build_header
from dotdump.formats.elf_exports import Exports
from dotdump.formats.elf_hash_tables import gnu_hash, sysv_hash
from dotdump.linux.open_file import OpenFile
from dotdump.memory.space import BytesSpace


def libc() -> str:
    with Path("/proc/self/maps").open() as maps:
        return next(line.split()[-1] for line in maps if "/libc" in line)


def test_every_name_that_readelf_lists_is_found_where_it_says() -> None:
    readelf = shutil.which("readelf") or missing("no readelf")
    text = subprocess.run([readelf, "--dyn-syms", "-W", libc()], capture_output=True, text=True, check=True).stdout
    rows = [words for words in map(str.split, text.splitlines()) if len(words) == 8 and words[3] in ("FUNC", "OBJECT")]
    listed = {
        row[7].partition("@")[0]: int(row[1], 16)
        for row in rows
        if row[6] != "UND" and "@@" in row[7] and row[4] != "LOCAL"
    }
    assert len(listed) > 1000
    with OpenFile(libc()) as file:
        exports = Exports(file)
        for name, value in list(listed.items())[::17]:
            found = exports.find(name)
            assert found is not None, name
            assert found.value == value


def test_a_name_that_is_not_exported_is_none() -> None:
    with OpenFile(libc()) as file:
        assert Exports(file).find("no_such_symbol_anywhere") is None
    with OpenFile(os.path.realpath(sys.executable)) as file:
        assert Exports(file).find("DotNetRuntimeInfo") is None


def test_a_library_of_more_segments_than_can_be_loaded_is_refused_before_they_are_read() -> None:
    header = build_header(ElfHeader(ElfType.DYN, 62, PN_XNUM, shnum=1, shoff=64))
    with pytest.raises(LimitExceeded, match="4194304 program headers"):
        Exports(BytesSpace([(0, header + build_extended_counts(1 << 22))]), "lib.so")


def test_the_hashes_are_those_of_the_specifications() -> None:
    assert (gnu_hash(b""), gnu_hash(b"printf")) == (0x1505, 0x156B2BB8)
    assert (sysv_hash(b""), sysv_hash(b"printf")) == (0, 0x077905A6)


@given(data=st.data())
def test_a_damaged_file_is_refused_or_answers(data: st.DataObject) -> None:
    image = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 8))):
        image[data.draw(st.integers(0, len(image) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(image)))
    try:
        Exports(BytesSpace([(0, bytes(image[:cut]))])).find("crypt")
    except (FormatError, MemoryFault):
        return


def _small() -> bytes:
    name = ctypes.util.find_library("dl") or "libdl.so.2"
    candidates = [*Path(libc()).parent.glob(name), Path(libc())]
    return candidates[0].read_bytes()


SMALL = _small()

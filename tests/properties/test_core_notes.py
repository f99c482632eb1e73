from contextlib import suppress

import hypothesis.strategies as st
from hypothesis import given

from dotdump.errors import FormatError
from dotdump.formats.core_notes import (
    MappedFile,
    Prpsinfo,
    Prstatus,
    Siginfo,
    build_auxv,
    build_file_note,
    build_prpsinfo,
    build_prstatus,
    build_siginfo,
    parse_auxv,
    parse_file_note,
    parse_prpsinfo,
    parse_prstatus,
    parse_siginfo,
)
from dotdump.formats.notes import build_note, parse_notes
from dotdump.formats.registers import REGISTER_FILES, RegisterFile

U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
I32 = st.integers(-(2**31), 2**31 - 1)
PATHS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=40)
FILES = st.builds(lambda s, n, o, p: MappedFile(s, s + n, o * 4096, p), U32, U32, U32, PATHS)
ALIGNMENTS = st.sampled_from([0, 1, 4, 4096])
ARCHITECTURES = st.sampled_from(list(REGISTER_FILES.values()))


@given(
    st.lists(st.tuples(st.sampled_from(["CORE", "LINUX", "GNU", ""]), U32, st.binary(max_size=70)), max_size=8),
    ALIGNMENTS,
)
def test_notes_that_are_built_are_parsed_again(notes: list[tuple[str, int, bytes]], align: int) -> None:
    data = b"".join(build_note(*note) for note in notes)
    parsed = parse_notes(data, align)
    assert [(n.owner, n.type, n.data) for n in parsed.notes] == notes
    assert parsed.end == len(data)


@given(st.binary(max_size=300), st.sampled_from([0, 1, 4, 8]))
def test_no_bytes_make_the_note_parser_fail_or_read_beyond_them(data: bytes, align: int) -> None:
    parsed = parse_notes(data, align)
    assert parsed.end <= len(data)
    assert sum(len(note.data) for note in parsed.notes) <= len(data)


@given(ARCHITECTURES, I32, st.lists(U64, min_size=40, max_size=40), st.integers(0, 2**50))
def test_prstatus_survives(architecture: RegisterFile, pid: int, values: list[int], time: int) -> None:
    registers = dict(zip(architecture.general, values, strict=False))
    status = Prstatus(pid, registers, signo=11, cursig=11, sigpend=values[0], utime=time)
    assert parse_prstatus(build_prstatus(status, architecture), architecture) == status


@given(I32, st.binary(max_size=15), st.binary(max_size=79), U32)
def test_prpsinfo_survives(pid: int, fname: bytes, psargs: bytes, uid: int) -> None:
    fname, psargs = fname.replace(b"\0", b"x"), psargs.replace(b"\0", b"x").rstrip()
    info = Prpsinfo(pid, fname, psargs, uid=uid, sname="S", nice=-5)
    assert parse_prpsinfo(build_prpsinfo(info)) == info


@given(st.dictionaries(st.integers(1, 2**64 - 1), U64, max_size=30))
def test_auxv_survives(vector: dict[int, int]) -> None:
    assert parse_auxv(build_auxv(vector)) == vector


@given(st.lists(FILES, max_size=12))
def test_file_note_survives(files: list[MappedFile]) -> None:
    note = parse_file_note(build_file_note(files))
    assert (note.files, note.page_size, note.missing) == (tuple(files), 4096, 0)


@given(st.sampled_from([Siginfo(11, 1, 0, address=0xDEAD), Siginfo(6, -6, 0, pid=7, uid=1000), Siginfo(9, 0x80)]))
def test_siginfo_survives(info: Siginfo) -> None:
    data = build_siginfo(info)
    assert (len(data), parse_siginfo(data)) == (128, info)


@given(st.binary(max_size=400), ARCHITECTURES)
def test_any_bytes_are_parsed_or_refused_by_name(data: bytes, architecture: RegisterFile) -> None:
    parse_auxv(data)
    for parse in (lambda d: parse_prstatus(d, architecture), parse_prpsinfo, parse_file_note, parse_siginfo):
        with suppress(FormatError):
            parse(data)


@given(U64, st.binary(max_size=100))
def test_a_false_count_of_files_allocates_nothing(count: int, rest: bytes) -> None:
    with suppress(FormatError):
        note = parse_file_note(count.to_bytes(8, "little") + (4096).to_bytes(8, "little") + rest)
        assert len(note.files) <= len(rest) // 24
        assert note.missing == count - len(note.files)

import pytest

from builders.small_core import PAGE, RUNTIME, RUNTIME_BASE, SmallCore
from dotdump.dump.verify import Expectation, Finding, Verdict, verify_core, worst
from dotdump.formats import elf
from dotdump.formats.core_notes import NoteType
from dotdump.memory.space import BytesSpace
from dotdump.records import replace

SEEN = Expectation(pid=42, threads=frozenset({42, 43}), runtime=RUNTIME, runtime_base=RUNTIME_BASE)


def verify(data: bytes, expected: Expectation | None = SEEN) -> dict[str, Finding]:
    return {finding.check: finding for finding in verify_core(BytesSpace([(0, data)]), len(data), expected)}


def problems(data: bytes, expected: Expectation | None = SEEN) -> set[str]:
    return {name for name, finding in verify(data, expected).items() if finding.verdict is Verdict.PROBLEM}


def test_a_whole_core_of_the_process_that_was_seen_is_fine() -> None:
    findings = verify_core(BytesSpace([(0, SmallCore().build())]), len(SmallCore().build()), SEEN)
    assert worst(findings) is Verdict.OK
    assert [finding.check for finding in findings] == [
        *("header", "segments", "length", "notes", "process", "threads", "stacks", "modules", "runtime")
    ]


def test_without_anything_known_of_the_process_the_core_is_checked_by_itself() -> None:
    assert problems(SmallCore(pid=7, threads=(7,)).build(), None) == set()


@pytest.mark.parametrize("size", [0, 1, 63])
def test_no_header_is_a_problem_of_its_own(size: int) -> None:
    assert problems(SmallCore().build()[:size]) == {"header"}


@pytest.mark.parametrize(
    "core", [SmallCore(machine=3), SmallCore(type=elf.ElfType.DYN)], ids=["unknown machine", "a shared object"]
)
def test_what_is_no_core_that_we_know_is_said_to_be_none(core: SmallCore) -> None:
    assert problems(core.build()) == {"header"}


def test_a_file_cut_anywhere_in_its_memory_is_found_out() -> None:
    data = SmallCore().build()
    for size in (len(data) - 1, len(data) - PAGE, len(data) - 2 * PAGE):
        assert "length" in problems(data[:size])


def test_a_core_of_many_segments_that_lost_their_number_is_cut_and_nothing_else() -> None:
    data = SmallCore(guards=66_000).build()
    assert problems(data) == set()
    findings = verify(data[:-1])
    assert {name for name, finding in findings.items() if finding.verdict is not Verdict.OK} == {"length"}
    assert findings["header"].seen == "ELF core for X86_64, 66,004 segments"
    assert findings["stacks"].seen == "the stacks of 2 threads are there"


def test_threads_of_the_kernel_have_no_stack_and_need_none() -> None:
    findings = verify(SmallCore(workers=(44,)).build())
    assert (findings["stacks"].verdict, findings["stacks"].seen) == (Verdict.OK, "the stacks of 2 threads are there")
    assert findings["threads"].seen == "3 threads"


def test_every_cut_is_a_problem_and_none_an_exception() -> None:
    data = SmallCore().build()
    assert all(problems(data[:size]) for size in range(0, len(data), 97))


def test_the_core_of_another_process_is_found_out() -> None:
    assert problems(SmallCore(pid=41).build()) == {"process"}


def test_a_thread_that_lived_all_the_while_must_be_there() -> None:
    finding = verify(SmallCore(threads=(42,)).build())["threads"]
    assert (finding.verdict, finding.seen) == (Verdict.PROBLEM, "1 of 2 threads are not in the core: 43")


def test_threads_that_were_not_seen_do_no_harm() -> None:
    assert problems(SmallCore(threads=(42, 43, 44)).build()) == set()


def test_the_runtime_must_be_named() -> None:
    assert problems(SmallCore(files=(("/lib/libc.so.6", RUNTIME_BASE),)).build()) == {"modules"}


def test_the_runtime_may_be_named_as_createdump_in_a_chroot_names_it() -> None:
    seen = Expectation(42, frozenset(), f"/jail{RUNTIME}", RUNTIME_BASE)
    assert problems(SmallCore().build(), seen) == {"modules"}
    assert problems(SmallCore().build(), replace(seen, runtime_inside=RUNTIME)) == set()


def test_the_memory_of_the_runtime_must_be_there_and_be_elf() -> None:
    assert problems(SmallCore(runtime_page=b"\0").build()) == {"runtime"}
    elsewhere = Expectation(42, frozenset(), RUNTIME, RUNTIME_BASE + 0x100000)
    assert problems(SmallCore().build(), elsewhere) == {"runtime"}


@pytest.mark.parametrize(
    ("note", "check", "verdict"),
    [
        (NoteType.PRPSINFO, "process", Verdict.WARNING),
        (NoteType.AUXV, "notes", Verdict.WARNING),
        (NoteType.FILE, "modules", Verdict.PROBLEM),
        (NoteType.PRSTATUS, "threads", Verdict.PROBLEM),
    ],
)
def test_a_missing_note_is_named(note: NoteType, check: str, verdict: Verdict) -> None:
    findings = verify(SmallCore(without=frozenset({note})).build())
    assert findings[check].verdict is verdict
    assert note.name in findings["notes"].seen


def test_a_note_that_claims_more_than_there_is_makes_the_notes_a_problem() -> None:
    data = bytearray(SmallCore().build())
    notes_at = elf.HEADER.size + 4 * elf.PROGRAM_HEADER.size
    data[notes_at + 4 : notes_at + 8] = (1 << 31).to_bytes(4, "little")
    assert "notes" in problems(bytes(data))


def test_segments_that_overlap_are_a_problem() -> None:
    data = SmallCore(threads=(42, 42)).build()
    assert "segments" in problems(data)

import pytest

from builders.fake_target import FakeTarget, ListSink
from dotdump.dump.elf_core_writer import ElfCoreWriter
from dotdump.dump.plan import full
from dotdump.dump.verify import Finding, Verdict, verify_core
from dotdump.dump.write import origin_of
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace
from dotdump.target.model import Thread

PAGE = 4096


@pytest.fixture
def core() -> bytearray:
    target = FakeTarget(
        BytesSpace([(0x1000, b"a" * PAGE)]), [Region(0x1000, 0x2000, Protection.READ)], [Thread(9, {}, 0, 0)]
    )
    sink = ListSink()
    ElfCoreWriter(target, full(target.regions), origin_of(target)).write(sink)
    return sink.data


def trailer_finding(data: bytes | bytearray) -> Finding:
    findings = verify_core(BytesSpace([(0, bytes(data))]), len(data))
    return next(finding for finding in findings if finding.check == "trailer")


def test_a_core_of_ours_is_whole_when_its_trailer_is_there(core: bytearray) -> None:
    assert trailer_finding(core).verdict is Verdict.OK


def test_a_core_of_ours_without_its_trailer_was_cut_even_where_all_memory_is_there(core: bytearray) -> None:
    assert trailer_finding(core[:-4]).verdict is Verdict.PROBLEM


def test_a_changed_byte_of_the_notes_is_noticed(core: bytearray) -> None:
    core[core.index(b"fake")] ^= 1
    assert "checksum" in trailer_finding(core).seen


def test_memory_that_could_not_be_read_is_a_warning() -> None:
    target = FakeTarget(regions=[Region(0x1000, 0x2000, Protection.READ)])
    sink = ListSink()
    ElfCoreWriter(target, full(target.regions), origin_of(target)).write(sink)
    found = trailer_finding(sink.data)
    assert (found.verdict, found.seen) == (Verdict.WARNING, "4,096 bytes in 1 places could not be read: not mapped")

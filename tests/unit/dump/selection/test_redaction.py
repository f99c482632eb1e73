import pytest

from builders.fake_target import FakeTarget
from dotdump.dump.selection.recording import RecordingTarget
from dotdump.dump.selection.redaction import RedactedTarget, redactions
from dotdump.dump.short_paths import short_path
from dotdump.formats.core_notes import AuxType, build_auxv
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange
from dotdump.target.model import ProcessFacts, Thread

RW = Protection.READ | Protection.WRITE
PAGE = 4096
STACK, OTHER, HEAP = 0x10000, 0x20000, 0x30000
POINTER = (0x7F0011223344).to_bytes(8, "little")


def shown(stack: bytes, other: bytes = b"", heap: bytes = b"", kept: tuple[int, int] = (0, 0)) -> BytesSpace:
    memory = BytesSpace([(at, data.ljust(PAGE, b"\0")) for at, data in ((STACK, stack), (OTHER, other), (HEAP, heap))])
    target = FakeTarget(
        process=ProcessFacts(1, "p", "p --secret"),
        memory=memory,
        regions=[Region(at, at + PAGE, RW) for at in (STACK, OTHER, HEAP)],
        threads=[Thread(1, {}, 0, STACK)],
    )
    recording = RecordingTarget(target)
    recording.memory.touch(STACK, HEAP + PAGE - STACK)
    recording.keep_object(HEAP + kept[0], HEAP + kept[1])
    changed = redactions(target, recording, [MemoryRange(HEAP, HEAP + PAGE)])
    found = RedactedTarget(target, recording.memory.copy(changed))
    assert found.process.arguments == ""
    return BytesSpace([(at, found.memory.read(at, PAGE)) for at in (STACK, OTHER, HEAP)])


def test_texts_on_stacks_are_blank_and_addresses_stay() -> None:
    stack = POINTER + b"Password1" + bytes(7) + "Geheimnis".encode("utf-16-le") + bytes(6) + POINTER
    after = shown(stack).read(STACK, len(stack))
    assert after == POINTER + bytes(len(stack) - 16) + POINTER


def test_directories_and_prose_elsewhere_are_blank_and_names_stay() -> None:
    other = b"/home/anna/app/Main.dll\0System.String\0the order of Anna was lost\0"
    after = shown(b"", other).read(OTHER, len(other))
    assert after == bytes(len(b"/home/anna/app/")) + b"Main.dll\0System.String\0" + bytes(27)


def test_of_the_heap_only_kept_objects_stay() -> None:
    heap = bytes(range(1, 65))
    after = shown(b"", heap=heap, kept=(16, 32)).read(HEAP, 64)
    assert after == bytes(16) + heap[16:32] + bytes(32)


def test_a_text_of_which_only_an_end_was_read_is_blank() -> None:
    other = (bytes(1018) + b"/home/anna/app/\0").ljust(2048) + bytes(1020) + b"the order of Anna was lost"
    memory = BytesSpace([(OTHER, other.ljust(PAGE, b"\0"))])
    target = FakeTarget(memory=memory, regions=[Region(OTHER, OTHER + PAGE, RW)])
    for start in (OTHER, OTHER + 1024, OTHER + 3072):
        recording = RecordingTarget(target, 1024)
        recording.memory.touch(start, 1024)
        after = recording.memory.copy(redactions(target, recording, [])).read(start, 1024)
        assert not after.strip(b"\0 ")


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
@pytest.mark.parametrize("piece", [0, 1, 2, 3, 4])
def test_a_long_value_is_blank_where_only_its_begin_its_middle_or_its_end_was_read(piece: int, encoding: str) -> None:
    value = "".join(f"{number:x}." for number in range(950))
    vector = build_auxv({AuxType.EXECFN: STACK, AuxType.UID: 1000, AuxType.ENTRY: 1})
    stack, other = vector + b"KEY=" + value.encode() + b"\0", POINTER + bytes(8) + value.encode(encoding) + bytes(8)
    end = OTHER + 4 * PAGE
    target = FakeTarget(
        memory=BytesSpace([(STACK, stack), (OTHER, other.ljust(end - OTHER, b"\0"))]),
        regions=[Region(STACK, STACK + PAGE, RW), Region(OTHER, end, RW)],
        auxv=vector,
    )
    recording = RecordingTarget(target, 1024)
    start = OTHER + piece * len(other) // 5 // 1024 * 1024
    recording.memory.touch(start, 1024)
    after = recording.memory.copy(redactions(target, recording, [])).read(start, 1024)
    assert after.strip(b"\0") == (POINTER.strip(b"\0") if start == OTHER else b"")


def test_the_environment_is_known_where_only_the_part_of_the_stack_is_there_that_is_in_use() -> None:
    end, pointer = STACK + 8 * PAGE, STACK + 4 * PAGE + 64
    vector = build_auxv({AuxType.EXECFN: end - 16, AuxType.UID: 1000, AuxType.ENTRY: 1})
    strings = b"KEY=Geheimnis1\0" + b"FILL=" + b"." * 2 * PAGE + b"\0"
    target = FakeTarget(
        memory=BytesSpace(
            [
                (pointer, (POINTER + vector + strings).ljust(end - pointer, b"\0")),
                (end, b"Geheimnis1".ljust(PAGE, b"\0")),
            ]
        ),
        regions=[Region(STACK, end, RW), Region(end, end + PAGE, RW)],
        threads=[Thread(1, {}, 0, pointer)],
        auxv=vector,
    )
    recording = RecordingTarget(target, 1024)
    recording.memory.touch(end, 1024)
    assert recording.memory.copy(redactions(target, recording, [])).read(end, 1024) == bytes(1024)


def test_vector_registers_are_blank_and_the_others_stay() -> None:
    xstate = bytearray(b"/home/anna/secret" * 200)
    xstate[24:28] = (0x1F80).to_bytes(4, "little")
    xstate[512:528] = (7).to_bytes(16, "little")
    notes = {
        ("CORE", 1): b"status",
        ("CORE", 2): bytes(xstate[:512]),
        ("LINUX", 0x202): bytes(xstate),
        ("LINUX", 0x405): b"unknown set",
    }
    target = FakeTarget(
        memory=BytesSpace([(STACK, bytes(PAGE))]),
        regions=[Region(STACK, STACK + PAGE, RW)],
        threads=[Thread(1, {}, 0, STACK, notes=notes)],
    )
    (thread,) = RedactedTarget(target, target.memory).threads
    assert thread.notes["CORE", 1] == b"status"
    assert set(thread.notes) == {("CORE", 1), ("CORE", 2), ("LINUX", 0x202)}
    assert (len(thread.notes["CORE", 2]), len(thread.notes["LINUX", 0x202])) == (512, 2696)  # without AMX's tiles
    for key in (("CORE", 2), ("LINUX", 0x202)):
        assert thread.notes[key][24:28] == xstate[24:28]
        assert not any(thread.notes[key][160:464])  # st, xmm
        assert not any(thread.notes[key][520:])  # ymm and what else there is


def test_a_path_keeps_its_name_and_the_version_of_the_framework() -> None:
    assert short_path("/home/anna/app/Main.dll") == "/Main.dll"
    assert short_path("/opt/dotnet/shared/Microsoft.NETCore.App/10.0.14/libcoreclr.so") == (
        "/Microsoft.NETCore.App/10.0.14/libcoreclr.so"
    )
    assert short_path("[heap]") == "[heap]"

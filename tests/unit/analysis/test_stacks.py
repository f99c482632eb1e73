"""Stacks of a program of one file, as records and as text."""

from __future__ import annotations

from builders.cfi import advance
from builders.code_target import END, STACK, TEXT, CodeTarget
from dotdump.analysis.stacks import native_stacks
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace
from dotdump.report.stacks import render_stacks

MAIN = (0x100, 0x100, b"\x07\x10")
WORKER = (0x200, 0x40, advance([(1, b"\x0e\x10")]))


def test_frames_have_names_places_and_how_they_are_known() -> None:
    target = CodeTarget([MAIN, WORKER], {STACK + 8: TEXT + 0x110}).build(rip=TEXT + 0x210, rsp=STACK)
    (thread,) = native_stacks(target).threads
    first, second = thread.frames
    place = first.location
    assert (place.method, place.module, place.offset, first.trust) == ("code", "/app/code", 0x210, "context")
    place = second.location
    assert (place.ip, second.sp, place.kind, second.trust) == (hex(TEXT + 0x110), hex(STACK + 16), "native", "cfi")
    assert thread.end == f"end of stack: undefined return address: {TEXT + 0x110:#x}"


def test_only_threads_that_are_asked_for_are_walked() -> None:
    target = CodeTarget([MAIN]).build(rip=TEXT + 0x110, rsp=STACK)
    assert [thread.os_id for thread in native_stacks(target, threads=[1]).threads] == [1]
    assert native_stacks(target, threads=[2]).threads == ()


def test_code_outside_of_all_files_says_so_and_what_is_guessed_says_by_what() -> None:
    target = CodeTarget([MAIN], {STACK + 0x40: 0, STACK + 0x48: TEXT + 0x110}).build(
        rip=STACK + 0x8000, rsp=STACK, rbp=STACK + 0x40
    )
    text = render_stacks(native_stacks(target))
    assert "[stack]" in text
    assert "code!code+0x110" in text
    assert "[by frame pointer]" in text


def test_code_that_a_handler_returns_to_is_that_also_where_it_is_in_no_file_and_another_mapping_ends() -> None:
    trampoline = END + 0x1000
    stack = {STACK: trampoline, STACK + 8 + 168: TEXT + 0x110, STACK + 8 + 160: STACK + 0x1000}
    target = CodeTarget([MAIN, (0x200, 0x40, b"")], stack).build(rip=TEXT + 0x210, rsp=STACK)
    held = [(r.start, target.memory.read(r.start, r.size)) for r in target.memory.ranges()]
    target.memory = BytesSpace([*held, (trampoline, bytes.fromhex("48c7c00f0000000f05"))])
    behind = Region(END, trampoline, Protection.READ | Protection.WRITE, 0, "/app/code")
    page = Region(trampoline, trampoline + 0x1000, Protection.READ | Protection.EXECUTE)
    target.regions = (target.regions[0], behind, page, target.regions[1])
    stacks = native_stacks(target)
    frame = stacks.threads[0].frames[1]
    assert (frame.location.ip, frame.location.kind, frame.location.module) == (hex(trampoline), "signal", None)
    assert stacks.threads[0].frames[2].location.ip == hex(TEXT + 0x110)
    assert f"{trampoline:016x}  <signal handler called>\n" in render_stacks(stacks)


def test_lines_are_shortened_to_the_terminal() -> None:
    target = CodeTarget([MAIN]).build(rip=TEXT + 0x110, rsp=STACK)
    assert max(map(len, render_stacks(native_stacks(target), 30).splitlines())) == 30

import json
from typing import Any

from dotdump.analysis.crash_report import CrashReport, ReportedFrame, ReportedThread
from dotdump.analysis.stacks import ThrownException
from dotdump.report.crash_report import render_crash_report


def frame(address: int, name: str = "f") -> ReportedFrame:
    return ReportedFrame(
        is_managed=False, address=address, stack_pointer=0x10, module_address=0x1000, offset=4, name=name, module="m.so"
    )


def rendered(*frames: ReportedFrame, exception: ThrownException | None = None) -> dict[str, Any]:
    thread = ReportedThread(7, True, True, (1, 2, 3), exception, frames)  # noqa: FBT003 - two truths of a record
    text = render_crash_report(CrashReport("p", "x86_64", "10.0.14", (thread,), ()))
    found: dict[str, Any] = json.loads(text)["payload"]
    return found


def test_every_value_is_a_string_and_texts_are_escaped() -> None:
    thrown = ThrownException("0x1", 'A"B', "line\nbreak", "0x80131500")
    payload = rendered(frame(5), exception=thrown)
    (thread,) = payload["threads"]
    assert payload["configuration"] == {"architecture": "amd64", "version": "10.0.14"}
    assert thread["managed_exception_type"] == 'A"B'
    assert thread["managed_exception_message"] == "line\nbreak"
    assert thread["ctx"] == {"IP": "0x1", "SP": "0x2", "BP": "0x3"}
    assert all(isinstance(value, str) for value in thread["stack_frames"][0].values())


def test_halves_of_characters_are_text_that_every_parser_takes() -> None:
    thread = ReportedThread(7, True, True, (1, 2, 3), None, ())  # noqa: FBT003 - two truths of a record
    text = render_crash_report(CrashReport("sh\udcffop\ud800 é😀", "x86_64", "10.0.14", (thread,), ()))
    assert json.loads(text.encode())["payload"]["process_name"] == "sh\\udcffop\\ud800 é😀"


def test_a_recursion_is_told_once() -> None:
    frames = [frame(1, "top"), *[frame(2, "a"), frame(3, "b")] * 50, frame(9, "main")]
    (thread,) = rendered(*frames)["threads"]
    top, recursion, bottom = thread["stack_frames"]
    assert (top["unmanaged_name"], bottom["unmanaged_name"]) == ("top", "main")
    assert recursion["repeated"] == "50"
    assert [one["unmanaged_name"] for one in recursion["repeated_frames"]] == ["a", "b"]


def test_what_is_there_a_few_times_is_not_folded() -> None:
    (thread,) = rendered(*[frame(2)] * 3)["threads"]
    assert len(thread["stack_frames"]) == 3

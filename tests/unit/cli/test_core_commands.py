import json
import struct
from pathlib import Path
from typing import Any

import pytest

from builders.core_builder import PAGE, CoreBuilder, Segment, note
from builders.elf_builder import DATA, ElfBuilder
from builders.fake_target import FakeTarget, ListSink
from dotdump.analysis.core_information import describe_core
from dotdump.cli.main import main
from dotdump.cli.registry import Exit
from dotdump.dump.elf_core_writer import ElfCoreWriter
from dotdump.dump.plan import full
from dotdump.formats.dotdump_notes import COLLECTING, REDACTED, Origin
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange
from dotdump.memory.zstd_library import zstd
from dotdump.target.core import open_core

BASE = 0x7F0000000000
LIBRARY = ElfBuilder(symbols=[(b"DotNetRuntimeInfo", 0x800, 16), (b"start", 0x900, 8)]).build()


@pytest.fixture
def core(tmp_path: Path) -> Path:
    path = tmp_path / "core.100"
    files = [(BASE, BASE + DATA, 0, b"/app/libcoreclr.so"), (BASE + DATA, BASE + 3 * PAGE, DATA, b"/app/libcoreclr.so")]
    segments = [
        Segment(0x10000, b"needle in a stack".ljust(PAGE, b"\0")),
        Segment(0x11000, size=PAGE),
        Segment(BASE, LIBRARY[:DATA], flags=5),
        Segment(BASE + DATA, LIBRARY[DATA:]),
    ]
    path.write_bytes(CoreBuilder(segments=segments, files=files, signals={101: 6}).build())
    return path


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = Exit.DONE) -> dict[str, Any]:
    assert main([*words, "--format", "json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_info_says_who_why_and_which_runtime(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "info", str(core))
    assert (found["schema"], found["pid"], found["complete"]) == ("dotdump/info/1", 100, True)
    assert found["death"] == {"signal": 6, "name": "SIGABRT", "code": 0, "address": None, "sender": None, "thread": 101}
    (runtime,) = found["runtimes"]
    assert (runtime["kind"], runtime["base"]) == ("CoreCLR", hex(BASE))
    assert {"kind": "anonymous, writable", "mapped": 2 * PAGE, "held": PAGE} in found["memory"]
    assert main(["info", str(core)]) == Exit.DONE
    assert "died of   SIGABRT (6, code 0), thread 101" in capsys.readouterr().out


@pytest.mark.parametrize("changed", [1e11, 1e14, 1e300, float("nan")])
def test_a_core_of_a_year_that_there_is_not_is_of_no_time(core: Path, changed: float) -> None:
    with open_core(core) as target:
        assert describe_core(target, 0.0).when == "1970-01-01T00:00:00+00:00"
        assert describe_core(target, changed).when in (None, "5138-11-16T09:46:40+00:00")


def test_info_does_not_call_a_fault_without_an_address_one_at_null(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    siginfo = note(b"CORE", 0x53494749, struct.pack("<iii", 11, 0, 0x80).ljust(128, b"\0"))
    (tmp_path / "core").write_bytes(CoreBuilder(threads=[100], signals={100: 11}, extra=[siginfo]).build())
    main(["info", str(tmp_path / "core")])
    told = "SIGSEGV (11, code 128), raised by the kernel, which does not tell the address, thread 100"
    assert told in capsys.readouterr().out


def test_a_cut_core_is_not_complete_and_the_exit_code_says_so(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core.write_bytes(core.read_bytes()[:-10])
    found = answer(capsys, "info", str(core), code=Exit.PROBLEMS)
    assert (found["complete"], len(found["problems"])) == (False, 1)
    assert answer(capsys, "verify", str(core), code=Exit.PROBLEMS)["verdict"] == "problem"


def test_a_false_size_in_the_table_of_a_compressed_core_is_found(
    core: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "core.zst"
    core.write_bytes(core.read_bytes() + bytes(1 << 20))  # a frame of its own
    assert main(["convert", str(core), str(packed)]) == 0
    capsys.readouterr()
    found = answer(capsys, "verify", str(packed))
    assert found["findings"][0] == {"check": "frames", "verdict": "ok", "seen": "each holds as much as its head says"}
    data = bytearray(packed.read_bytes())
    data[-9 - 8 + 4 + 1] ^= 4  # the size of the last frame's content, 1,024 bytes more or less
    packed.write_bytes(data)
    found = answer(capsys, "verify", str(packed), code=Exit.PROBLEMS)
    assert (found["findings"][0]["check"], found["findings"][0]["verdict"]) == ("frames", "problem")


def test_a_compressed_core_without_its_table_is_whole_with_a_warning(
    core: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "core.zst"
    assert main(["convert", str(core), str(packed)]) == 0
    capsys.readouterr()
    packed.write_bytes(packed.read_bytes()[:-3])
    found = answer(capsys, "verify", str(packed))
    assert (found["verdict"], found["findings"][0]["check"]) == ("warning", "frames")
    assert "cut in the middle of a zstd frame" in found["findings"][0]["seen"]


def test_a_compressed_core_with_a_damaged_beginning_is_said_to_be_damaged(
    core: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "core.zst"
    assert main(["convert", str(core), str(packed)]) == 0
    data = bytearray(packed.read_bytes())
    data[20] ^= 0xFF
    packed.write_bytes(data)
    for command in ("info", "verify"):
        assert main([command, str(packed)]) == 1
        assert f"the zstd frame at offset 0x0 of {packed} is damaged" in capsys.readouterr().err


def test_more_bytes_than_the_headers_tell_of_are_counted(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core.write_bytes(core.read_bytes() + bytes(1000))
    findings = {row["check"]: row for row in answer(capsys, "verify", str(core))["findings"]}
    assert findings["length"]["seen"].endswith(" bytes, 1,000 more than the headers tell of")


def test_of_many_things_wrong_with_a_core_ten_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "core"
    short = [note(b"CORE", 1, b"no status") for _ in range(1000)]
    path.write_bytes(CoreBuilder(segments=[Segment(0x10000, bytes(PAGE))], extra=short).build())
    assert len(answer(capsys, "info", str(path), code=Exit.PROBLEMS)["problems"]) == 1000
    assert main(["info", str(path)]) == Exit.PROBLEMS
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[-1] == "dotdump: warning: 990 problems more: dotdump info --format json lists them all"


def test_threads_come_with_registers_and_the_dead_one_first(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "threads", str(core), code=Exit.PROBLEMS)
    doubt, lost = (problem["message"] for problem in found["problems"])
    assert doubt.startswith("a CoreCLR that does not say its version")
    assert lost == "the list of managed threads was not found"
    first, second = found["threads"]
    assert (first["tid"], second["tid"]) == (101, 100)
    assert first["registers"]["rip"] == hex(101_016)
    assert main(["threads", "--registers", str(core)]) == Exit.PROBLEMS
    assert "thread 101\n     r15 0x18a88" in capsys.readouterr().out


def test_modules_have_base_path_and_build_id(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "modules", str(core), code=Exit.PROBLEMS)
    (module,) = found["modules"]
    assert "the application domain was not found" in found["problems"][1]["message"]
    assert (module["base"], module["path"], module["build_id"]) == (hex(BASE), "/app/libcoreclr.so", "11223344" * 5)


@pytest.mark.parametrize("address", ["10000", "0x10000", "0X10000", "00000000`00010000"])
def test_memory_is_shown_at_a_hexadecimal_address(core: Path, capsys: pytest.CaptureFixture[str], address: str) -> None:
    found = answer(capsys, "memory", str(core), address, "6")
    assert (found["data"], found["source"]) == (b"needle".hex(), str(core))
    assert main(["memory", str(core), address, "64", "--as", "strings"]) == Exit.DONE
    assert capsys.readouterr().out == "0000000000010000  needle in a stack\n"


@pytest.mark.parametrize("shape", ["words", "strings"])
def test_a_shape_of_text_is_refused_where_memory_is_told_as_json(
    shape: str, core: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", str(core), "10000", "--as", shape, "--format", "json"]) == Exit.USAGE
    assert f"--as {shape} and --format json do not go together" in capsys.readouterr().err


def test_memory_is_shown_at_a_symbol(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "memory", str(core), "libcoreclr.so!start", "8")["address"] == hex(BASE + 0x900)


def test_that_another_module_of_the_name_has_the_symbol_too_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bases = [BASE, BASE + 0x100000]
    segments = [Segment(base, LIBRARY) for base in bases]
    files = [(base, base + len(LIBRARY), 0, b"/%d/libshop.so" % number) for number, base in enumerate(bases)]
    (tmp_path / "core").write_bytes(CoreBuilder(segments=segments, files=files).build())
    assert main(["memory", str(tmp_path / "core"), "libshop.so!start", "16"]) == Exit.DONE
    told = capsys.readouterr()
    assert f"{BASE + 0x900:x}" in told.out
    assert f"2 modules libshop.so have start: this is the first, others are at {bases[1] + 0x900:#x}" in told.err


def test_memory_that_ends_early_is_said_to_and_what_is_not_there_fails(
    core: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", str(core), "10ff0", "32"]) == Exit.PROBLEMS
    assert "16 of 32 bytes" in capsys.readouterr().err
    assert main(["memory", str(core), "11000"]) == Exit.FAILED
    assert "does not hold it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "told"),
    [("libcoreclr.so!absent", "no symbol 'absent' in libcoreclr.so"), ("libcoreclr!start", "no module 'libcoreclr'")],
)
def test_a_place_that_is_none_is_refused_with_a_hint(
    core: Path, capsys: pytest.CaptureFixture[str], place: str, told: str
) -> None:
    assert main(["memory", str(core), place]) == Exit.FAILED
    first, hint = capsys.readouterr().err.splitlines()
    assert (first, hint[:8]) == (f"dotdump: {told}", "  hint: ")


def test_a_core_without_the_address_of_an_object_is_told_what_is_missing(
    core: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["object", str(core)])
    assert ended.value.code == Exit.USAGE
    assert "which object? name its address after the core" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["zzz", "-5", "1_0", " 10", "1" * 17])
def test_what_is_no_address_is_refused_as_everywhere(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["memory", "/nowhere/core", "--", text])
    assert ended.value.code == Exit.USAGE
    assert f"{text!r} is not an address" in capsys.readouterr().err


def test_what_is_no_core_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("hello")
    assert main(["info", str(tmp_path / "text")]) == Exit.FAILED
    assert "not an ELF file" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "absent")]) == Exit.FAILED


def test_a_core_of_ours_tells_when_and_how_it_was_made_and_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = MemoryRange(0x10000, 0x10100)
    origin = Origin("dotdump 1", "snapshot", 86_400.5, (COLLECTING,), (torn,), "shop --serve", "Heap")
    both = Protection.READ | Protection.WRITE
    target = FakeTarget(regions=[Region(0x10000, 0x14000, both)], memory=BytesSpace([(0x10000, b"x" * 2 * PAGE)]))
    sink = ListSink()
    ElfCoreWriter(target, full(target.regions), origin).write(sink)
    path = tmp_path / "core"
    path.write_bytes(bytes(sink.data))
    found = answer(capsys, "info", str(path), code=Exit.PROBLEMS)
    assert (found["when"], found["complete"], found["problems"]) == ("1970-01-02T00:00:00+00:00", False, [])
    assert found["making"] == {
        "writer": "dotdump 1",
        "method": "snapshot",
        "type": "Heap",
        "during_collection": True,
        "gaps": 1,
        "unread": 2 * PAGE,
        "unread_why": "not mapped",
        "not_atomic": 0x100,
    }
    assert main(["info", str(path)]) == Exit.PROBLEMS
    text = capsys.readouterr().out
    assert "complete  no: 8,192 bytes in 1 place could not be read: not mapped" in text
    assert (
        "by dotdump 1, method snapshot, a Heap dump, 256 bytes while the process ran, during a garbage collection"
        in text
    )


@pytest.mark.parametrize("flags", [(), (REDACTED,)])
def test_a_triage_dump_says_that_what_is_blank_in_it_may_have_been_something_else(
    flags: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = Protection.READ | Protection.WRITE
    target = FakeTarget(regions=[Region(0x10000, 0x11000, both)], memory=BytesSpace([(0x10000, bytes(PAGE))]))
    sink = ListSink()
    ElfCoreWriter(target, full(target.regions), Origin("dotdump 1", "ptrace", 0.0, flags, type="Triage")).write(sink)
    path = tmp_path / "core"
    path.write_bytes(bytes(sink.data))
    assert main(["memory", str(path), "10000"]) == Exit.DONE
    assert ("dotdump: a Triage dump: texts are blank, " in capsys.readouterr().err) is bool(flags)


def test_the_core_of_another_maker_does_not_tell(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "info", str(core))["making"] is None


def test_a_warning_of_python_is_said_as_the_command_says_its_own(
    core: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compressor = zstd.ZstdCompressor()
    packed = core.with_suffix(".zst")
    packed.write_bytes(compressor.compress(core.read_bytes()) + compressor.flush())
    for command in (["info", str(packed)], ["convert", str(packed), str(core.with_suffix(".plain"))]):
        assert main(command) == Exit.DONE
        said = capsys.readouterr().err
        assert said.startswith("dotdump: warning: ")
        assert "is not in the seekable format" in said
        assert "Warning" not in said


def test_stacks_of_threads_that_are_not_there_are_an_error(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (thread,) = answer(capsys, "stacks", str(core), "--thread", "101", code=Exit.PROBLEMS)["threads"]
    assert (thread["os_id"], thread["managed_id"], thread["exception"]) == (101, None, None)
    assert thread["end"]
    assert main(["stacks", str(core), "--native", "--thread", "77"]) == Exit.FAILED
    assert "no thread 77" in capsys.readouterr().err

import errno
import json
import os
import random
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from builders.fake_target import FakeTarget
from dotdump.cli.main import main
from dotdump.cli.registry import Exit
from dotdump.dump.convert import Trim, convert
from dotdump.dump.progress import silent
from dotdump.dump.write import write_core
from dotdump.errors import MemoryFault
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange
from dotdump.memory.zstd_library import zstd
from dotdump.target.core import open_core
from dotdump.target.model import Thread

PAGE = 4096
R, RW = Protection.READ, Protection.READ | Protection.WRITE
REGIONS = [Region(0x10000, 0x14000, R, 0, "/lib/a.so"), Region(0x20000, 0x28000, RW)]
MEMORY = BytesSpace([(0x10000, b"code" * PAGE), (0x20000, b"d" * PAGE + bytes(6 * PAGE) + b"e" * PAGE)])


@pytest.fixture
def core(tmp_path: Path) -> Path:
    path = tmp_path / "core"
    write_core(FakeTarget(MEMORY, REGIONS, [Thread(9, {}, 0, 0, "main")]), path)
    return path


def test_plain_to_zstd_to_plain_is_the_same_byte_for_byte(core: Path) -> None:
    packed, again = core.with_suffix(".zst"), core.with_name("again")
    assert main(["convert", str(core), str(packed)]) == Exit.DONE
    assert main(["convert", str(packed), str(again)]) == Exit.DONE
    assert again.read_bytes() == core.read_bytes() == zstd.decompress(packed.read_bytes())
    assert packed.stat().st_mode & 0o777 == again.stat().st_mode & 0o777 == 0o600


def test_a_range_keeps_that_memory_and_the_whole_map(core: Path) -> None:
    part = core.with_name("part")
    assert (
        main(["convert", str(core), str(part), "--range", "0x20000-0x20001", "--range", "0x27000-0x28000"]) == Exit.DONE
    )
    with open_core(part) as trimmed:
        assert list(trimmed.regions) == REGIONS
        assert trimmed.memory.ranges() == [MemoryRange(0x20000, 0x21000), MemoryRange(0x27000, 0x28000)]
        assert [thread.name for thread in trimmed.threads] == ["main"]
        assert trimmed.problems == ()


def test_without_file_backed_pages_those_of_files_that_are_gone_are_kept(core: Path) -> None:
    small = core.with_name("small.zst")
    assert main(["convert", str(core), str(small), "--drop-file-backed"]) == Exit.DONE
    with open_core(small) as trimmed, open_core(core) as whole:
        assert trimmed.core_memory.ranges() == whole.core_memory.ranges()


def test_what_exists_is_replaced_only_when_forced(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = core.with_name("there")
    there.write_bytes(b"mine")
    assert main(["convert", str(core), str(there)]) == Exit.FAILED
    assert there.read_bytes() == b"mine"
    assert "exists already" in capsys.readouterr().err
    assert main(["convert", str(core), str(there), "--force"]) == Exit.DONE
    assert there.read_bytes() == core.read_bytes()


def test_a_cut_core_is_converted_with_a_warning_and_says_so(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.truncate(core, core.stat().st_size - 3 * PAGE)
    packed = core.with_suffix(".zst")
    assert main(["convert", str(core), str(packed)]) == Exit.PROBLEMS
    assert "is cut" in capsys.readouterr().err
    assert zstd.decompress(packed.read_bytes()) == core.read_bytes()


@pytest.mark.parametrize("frames", ["of their own", "one"])
def test_a_cut_compressed_core_is_converted_as_far_as_it_goes(
    frames: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    core, packed, out = tmp_path / "core", tmp_path / "cut.zst", tmp_path / "out"
    memory = BytesSpace([(0x10000, random.Random(1).randbytes(1600 * PAGE))])
    write_core(FakeTarget(memory, [Region(0x10000, 0x10000 + 1600 * PAGE, RW)], [Thread(9, {}, 0, 0, "main")]), core)
    if frames == "one":
        packed.write_bytes(zstd.compress(core.read_bytes()))
    else:
        assert main(["convert", str(core), str(packed)]) == Exit.DONE
    whole = packed.stat().st_size
    os.truncate(packed, whole - 1_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main(["convert", str(packed), str(out)]) == Exit.PROBLEMS
    told = capsys.readouterr().err
    assert "is cut" in told
    assert frames == "of their own" or f"offset {whole - 1_000_000:#x}" in told
    assert 1 << 20 < out.stat().st_size < core.stat().st_size
    assert core.read_bytes().startswith(out.read_bytes())


def test_no_thread_is_left_where_the_input_is_damaged(tmp_path: Path) -> None:
    packed, noise = tmp_path / "core.zst", random.Random(1).randbytes(4 << 20)
    region = Region(0x10000, 0x10000 + len(noise), Protection.READ)
    write_core(FakeTarget(regions=[region], memory=BytesSpace([(region.start, noise)])), packed)
    data = bytearray(packed.read_bytes())
    data[len(data) * 3 // 4] ^= 0xFF
    packed.write_bytes(data)
    with pytest.raises(MemoryFault, match="damaged"), (tmp_path / "again").open("wb") as output:
        convert(str(packed), output.fileno(), 1, Trim(), silent)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("zstd")]


def test_what_is_no_core_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_bytes(b"not a core at all" * 100)
    assert main(["convert", str(tmp_path / "text"), str(tmp_path / "out")]) == Exit.FAILED
    assert "not an ELF file" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_json_tells_what_was_stored(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = core.with_suffix(".zst")
    assert main(["convert", str(core), str(packed), "--format", "json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "dotdump/convert/1"
    assert (told["content"], told["stored"]) == (core.stat().st_size, packed.stat().st_size)


@pytest.mark.parametrize("options", [[], ["--range", "0x20000-0x28000"]], ids=["copied", "rewritten"])
def test_long_work_tells_how_far_it_is(
    options: list[str], core: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dotdump.cli.progress.FILE_SECONDS", 0.0)
    assert main(["convert", str(core), str(core.with_suffix(".zst")), *options]) == Exit.DONE
    said = capsys.readouterr()
    assert "writing" in said.err
    assert "(100%)" in said.err
    assert "stored" in said.out
    assert "writing" not in said.out


@pytest.mark.parametrize("text", ["1-", "5-5", "x-y", "0x10", "-1-5"])
def test_a_false_range_is_a_usage_error(core: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["convert", str(core), "out", f"--range={text}"])
    assert caught.value.code == Exit.USAGE
    assert "is not a" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "/", "folder/"])
def test_an_output_without_a_name_is_refused_as_that(
    core: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(core.parent)
    (core.parent / "folder").mkdir()
    assert main(["convert", str(core), name]) == Exit.FAILED
    assert capsys.readouterr().err == f"dotdump: cannot write to {name!r}: that is no name of a file\n"


@pytest.mark.parametrize("name", ["small", "small.zst"])
def test_a_full_disk_is_said_with_the_name_of_the_file(
    core: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwritev", full)
    monkeypatch.setattr(os, "pwrite", full)
    monkeypatch.setattr(os, "write", full)
    output = core.with_name(name)
    assert main(["convert", str(core), str(output)]) == Exit.FAILED
    assert f"cannot write all of {output}: No space left on device" in capsys.readouterr().err
    assert not output.exists()


def test_a_full_disk_behind_standard_output_is_said(core: Path) -> None:
    command = [sys.executable, "-m", "dotdump", "convert", str(core), "-"]
    with Path("/dev/full").open("wb") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == Exit.FAILED
    assert "cannot write all of standard output: No space left on device" in done.stderr

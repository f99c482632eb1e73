"""What commands say of a compressed core some of whose frames are damaged, once they come to these."""

from pathlib import Path

import pytest

from builders.small_core import PAGE, SmallCore
from dotdump.cli.main import main
from dotdump.formats.zstd_seekable import build_seek_table
from dotdump.memory.zstd_library import zstd


@pytest.fixture
def core(tmp_path: Path) -> Path:
    """A core in frames of one page, of which that of the first thread's stack is damaged."""
    content = SmallCore().build()
    parts = [content[start : start + PAGE] for start in range(0, len(content), PAGE)]
    frames = [bytearray(zstd.compress(part, options={zstd.CompressionParameter.checksum_flag: 1})) for part in parts]
    frames[1][-1] ^= 0xFF
    path = tmp_path / "core.zst"
    table = build_seek_table([(len(frame), len(part)) for frame, part in zip(frames, parts, strict=True)])
    path.write_bytes(b"".join(frames) + table)
    return path


def test_an_answer_that_a_damaged_frame_may_have_changed_says_so(
    core: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stacks", "--native", str(core)]) == 3
    assert "warning: the zstd frame at offset" in capsys.readouterr().err


def test_what_was_not_asked_for_does_not_count(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", str(core), "0x7f0000000000", "4"]) == 0
    assert "damaged" not in capsys.readouterr().err


def test_why_a_command_fails_may_be_the_damage(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", str(core), hex(42 * 0x10000), "4"]) == 1
    assert "warning: the zstd frame at offset" in capsys.readouterr().err


def test_a_damaged_frame_that_verifying_comes_to_is_a_problem(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(core)]) == 3
    frames, *_ = [line for line in capsys.readouterr().out.splitlines() if line.startswith("frames")]
    assert "problem" in frames
    assert "is damaged" in frames


def test_every_answer_of_a_cut_core_is_one_with_problems(tmp_path: Path) -> None:
    path = tmp_path / "core"
    path.write_bytes(SmallCore().build()[:-1])
    assert main(["address", str(path), "0x1000"]) == 3

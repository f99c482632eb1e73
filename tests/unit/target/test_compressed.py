import errno
import struct
from pathlib import Path

import pytest

from builders.small_core import SmallCore
from dotdump import open_core
from dotdump.errors import FormatError, LimitExceeded, OutputRefused
from dotdump.memory.zstd_library import zstd
from dotdump.target.compressed import UnpackedWarning

LONG_WINDOW = b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00"
EMPTY_FRAME = bytes.fromhex("28b52ffd2000010000")
SKIPPED = struct.pack("<II", 0x184D2A50, 4) + b"size"


def streamed(data: bytes) -> bytes:
    """Compress as one frame that does not tell its size, as of a pipe."""
    compressor = zstd.ZstdCompressor()
    return compressor.compress(data) + compressor.flush()


def stored(folder: Path, data: bytes) -> Path:
    path = folder / "core.zst"
    path.write_bytes(data)
    return path


def test_a_core_behind_a_frame_to_skip_as_pzstd_writes_it_is_read(tmp_path: Path) -> None:
    core = SmallCore().build()
    with open_core(stored(tmp_path, SKIPPED + zstd.compress(core))) as found:
        assert found.file.size == len(core)
    with (
        pytest.warns(UnpackedWarning),
        open_core(stored(tmp_path, SKIPPED + streamed(core))) as found,
    ):
        assert found.file.size == len(core)


def test_what_unpacks_to_no_core_is_not_unpacked_to_learn_that(tmp_path: Path) -> None:
    path = stored(tmp_path, streamed(bytes(1 << 26)))
    with pytest.raises(FormatError, match="it unpacks to what is not an ELF file"):
        open_core(path)


def test_why_nothing_can_be_unpacked_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="too much memory") as caught:
        open_core(stored(tmp_path, LONG_WINDOW))
    assert caught.value.hint is not None
    assert "zstd -d --long=31" in caught.value.hint


def test_a_flood_of_empty_frames_is_not_walked_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("memory.zstd_stream", "target.compressed"):
        monkeypatch.setattr(f"dotdump.{module}.SMALL_FRAMES", 1000)
    with pytest.raises(LimitExceeded, match="1,000 zstd frames of 0 bytes"):
        open_core(stored(tmp_path, EMPTY_FRAME * 2000))


def test_where_there_is_no_room_to_unpack_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dotdump.memory.zstd_stream.unpack_into", full)
    with (
        pytest.warns(UnpackedWarning),
        pytest.raises(OutputRefused, match=r"cannot unpack .*core\.zst into /.*: No space left") as caught,
    ):
        open_core(stored(tmp_path, streamed(SmallCore().build())))
    assert caught.value.hint is not None
    assert "TMPDIR" in caught.value.hint


def test_an_empty_file_is_said_to_be_that(tmp_path: Path) -> None:
    for nothing in (b"", zstd.compress(b"")):
        with pytest.raises(FormatError, match="there is nothing in it"):
            open_core(stored(tmp_path, nothing))

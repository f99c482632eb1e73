import os
from pathlib import Path
from threading import Thread

import pytest

from dotdump.dump.sink import FileSink, PipeSink, sink_for, write_all

MIB = 1 << 20


def test_a_file_gets_bytes_and_holes_in_order_however_long_it_grows(tmp_path: Path) -> None:
    block = bytes(range(256)) * (MIB // 256)
    with (tmp_path / "core").open("wb+") as file:
        sink = sink_for(file.fileno())
        assert isinstance(sink, FileSink)
        for number in range(40):
            sink.write(bytes([number]) + block)
            sink.hole(3 * MIB)
        assert sink.position == 40 * (4 * MIB + 1)
        assert sink.finish() == 40 * (MIB + 1)
    data = (tmp_path / "core").read_bytes()
    assert data == b"".join(bytes([number]) + block + bytes(3 * MIB) for number in range(40))
    assert (tmp_path / "core").stat().st_blocks * 512 < 50 * MIB


def test_a_sink_begins_where_the_file_stands(tmp_path: Path) -> None:
    with (tmp_path / "core").open("wb+", buffering=0) as file:
        file.write(b"before")
        sink = sink_for(file.fileno())
        sink.write(b"a" * (20 * MIB))
        sink.hole(5)
        sink.finish()
    assert (tmp_path / "core").read_bytes() == b"before" + b"a" * (20 * MIB) + bytes(5)


@pytest.mark.parametrize("flags", [os.O_WRONLY | os.O_APPEND, os.O_WRONLY], ids=["appending", "in the middle"])
def test_where_holes_would_not_be_zeros_zeros_are_written(tmp_path: Path, flags: int) -> None:
    (tmp_path / "core").write_bytes(b"x" * 10)
    descriptor = os.open(tmp_path / "core", flags)
    sink = sink_for(descriptor)
    assert isinstance(sink, PipeSink)
    sink.hole(4)
    sink.write(b"end")
    assert sink.finish() == sink.position == 7
    os.close(descriptor)
    data = (tmp_path / "core").read_bytes()
    assert data == (b"x" * 10 + bytes(4) + b"end" if flags & os.O_APPEND else bytes(4) + b"endxxx")


def test_what_the_kernel_takes_in_parts_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    assert write_all(descriptor, b"0123456789") == 10
    os.close(descriptor)
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_pipe_that_somebody_made_non_blocking_takes_all() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    full = os.write(writing, bytes(MIB))
    with os.fdopen(reading, "rb") as reader:
        thread = Thread(target=write_all, args=(writing, b"core" * MIB))
        thread.start()
        assert reader.read(full + 4 * MIB) == bytes(full) + b"core" * MIB
        thread.join()
    os.close(writing)

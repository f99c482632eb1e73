import os
from pathlib import Path

import pytest

from dotdump.dump.held_file import HeldFile
from dotdump.errors import OutputRefused


def lent(descriptor: int) -> str:
    return f"/proc/{os.getpid()}/fd/{descriptor}"


@pytest.mark.parametrize(
    "path", ["core", "/tmp/core", "/proc/1/fd", "/proc/self/fd/1", "/proc/1/fd/x", "/proc/1/fd/1/x"]
)
def test_other_paths_are_not_descriptors(path: str) -> None:
    assert HeldFile.find(path) is None


def test_a_file_without_a_name_is_written_for_its_holder(tmp_path: Path) -> None:
    holder = os.open(tmp_path, os.O_TMPFILE | os.O_RDWR, 0o600)
    found = HeldFile.find(lent(holder))
    assert found is not None
    with found:
        found.sink().write(b"core")
        assert found.size == 4
    assert os.pread(holder, 9, 0) == b"core"
    os.close(holder)


def test_what_could_be_somebody_elses_is_refused_and_untouched(tmp_path: Path) -> None:
    plain, linked, full, shared = (tmp_path / name for name in ("plain", "linked", "full", "shared"))
    for path in (linked, full, shared):
        path.touch(0o600)
    full.write_bytes(b"mine")
    os.link(linked, plain)
    shared.chmod(0o666)
    for path, why in ((linked, "several names"), (full, "not empty"), (shared, "others may")):
        with path.open("rb") as file, pytest.raises(OutputRefused, match=why):
            HeldFile.find(lent(file.fileno()))
    assert full.read_bytes() == b"mine"


def test_a_pipe_a_device_and_nothing_are_refused_without_being_opened() -> None:
    reader, writer = os.pipe()
    device = os.open("/dev/null", os.O_RDWR)
    for descriptor in (reader, writer, device):
        with pytest.raises(OutputRefused, match="not a regular file"):
            HeldFile.find(lent(descriptor))
        os.close(descriptor)
    with pytest.raises(OutputRefused, match="No such file"):
        HeldFile.find(lent(reader))

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dotdump.linux import rename
from dotdump.linux.rename import rename_exclusively


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def test_a_free_name_is_taken(tmp_path: Path, directory: int) -> None:
    (tmp_path / "old").write_text("ours")
    rename_exclusively(directory, "old", "new")
    assert (tmp_path / "new").read_text() == "ours"
    assert not (tmp_path / "old").exists()


@pytest.mark.parametrize("number", [None, errno.ENOSYS, errno.EINVAL])
def test_a_taken_name_is_never_replaced_whether_the_kernel_knows_the_flag_or_not(
    tmp_path: Path, directory: int, number: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if number is not None:
        monkeypatch.setattr(rename, "_renameat2", _failing(number))
    (tmp_path / "old").write_text("ours")
    (tmp_path / "new").symlink_to("elsewhere")
    with pytest.raises(FileExistsError):
        rename_exclusively(directory, "old", "new")
    assert (tmp_path / "new").is_symlink()
    assert (tmp_path / "old").read_text() == "ours"


def test_without_renameat2_the_file_still_gets_its_name(
    tmp_path: Path, directory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rename, "_renameat2", _failing(errno.ENOSYS))
    (tmp_path / "old").write_text("ours")
    rename_exclusively(directory, "old", "new")
    assert (tmp_path / "new").read_text() == "ours"
    assert not (tmp_path / "old").exists()


def _failing(number: int) -> Callable[..., None]:
    def renameat2(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return renameat2

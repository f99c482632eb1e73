from pathlib import Path

import pytest

from dotdump.dump.doctor.control_group import _V1, _V2, read_headroom

GIGABYTE = 1 << 30


def group(directory: Path, names: tuple[str, str, bytes], limit: str, used: int, spare: int) -> str:
    (directory / names[0]).write_text(f"{limit}\n")
    (directory / names[1]).write_text(f"{used}\n")
    (directory / "memory.stat").write_text(f"anon 1\n{names[2].decode()} {spare}\n")
    return str(directory)


@pytest.mark.parametrize("names", [_V1, _V2], ids=["version 1", "version 2"])
@pytest.mark.parametrize(
    ("limit", "use", "left"),
    [
        (str(GIGABYTE), (GIGABYTE // 4, 0), GIGABYTE * 3 // 4),
        (str(GIGABYTE), (GIGABYTE, GIGABYTE // 2), GIGABYTE // 2),
        (str(GIGABYTE), (GIGABYTE * 2, 0), 0),
        ("max", (5, 0), None),
        ("9223372036854771712", (5, 0), None),
        ("", (5, 0), None),
    ],
)
def test_headroom_is_the_limit_less_what_the_kernel_cannot_take_back(
    tmp_path: Path, names: tuple[str, str, bytes], limit: str, use: tuple[int, int], left: int | None
) -> None:
    assert read_headroom(group(tmp_path, names, limit, *use), names) == left


def test_a_group_without_the_files_has_no_limit(tmp_path: Path) -> None:
    assert read_headroom(str(tmp_path), _V2) is None

from __future__ import annotations

from pathlib import Path

import dotdump.kernels
from dotdump.kernels import walk

FOLDER = Path(str(dotdump.kernels.__file__)).parent
ROOT = Path(__file__).parents[3]


def test_every_kernel_has_its_c_types_beside_it() -> None:
    names = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert names == {path.stem for path in FOLDER.glob("*.pxd")}


def test_every_kernel_is_built_where_it_can_be() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for path in FOLDER.glob("*.pxd"):
        assert f'name = "dotdump.kernels.{path.stem}"' in project


def test_it_is_known_whether_kernels_are_compiled() -> None:
    assert dotdump.kernels.compiled() == (not str(walk.__file__).endswith(".py"))

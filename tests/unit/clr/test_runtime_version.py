"""Versions of runtimes, by the places and the texts that tell them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.clr import FakeModule, FakeTarget
from dotdump.clr.runtime_module import RuntimeKind, RuntimeModule
from dotdump.clr.runtime_version import find_version
from dotdump.memory.region import Protection, Region

if TYPE_CHECKING:
    from dotdump.target.model import Target


@pytest.mark.parametrize(
    ("folder", "version"),
    [("8.0.4", "8.0.4"), ("10.0.0-rc.1.25451.107", "10.0.0-rc.1.25451.107"), ("9" * 5000 + ".0.0", "")],
)
def test_the_folder_tells_the_version_if_it_is_one(folder: str, version: str) -> None:
    module = FakeModule(f"/dotnet/shared/Microsoft.NETCore.App/{folder}/libcoreclr.so", 0x1000, 0x2000)
    assert find_version(FakeTarget(module), RuntimeModule(module, RuntimeKind.CORECLR)) == version


def test_a_mapping_without_end_is_searched_as_far_as_a_program_is_long() -> None:
    module, reads = FakeModule("/app/single", 0x1000, 1 << 46), list[int]()

    def read_available(address: int, _size: int) -> bytes:
        reads.append(address)
        return b""

    region = Region(0x1000, 0x1000 + (1 << 34), Protection.READ, 0, "/app/single")
    target = SimpleNamespace(regions=[region], memory=SimpleNamespace(read_available=read_available))
    assert find_version(cast("Target", target), RuntimeModule(module, RuntimeKind.CORECLR)) == ""
    assert len(reads) == 1 << 10

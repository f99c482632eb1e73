"""Versions of runtimes, by the places and the texts that tell them."""

from __future__ import annotations

import pytest

from builders.clr import FakeModule, FakeTarget
from dotdump.clr.runtime_module import RuntimeKind, RuntimeModule
from dotdump.clr.runtime_version import find_version


@pytest.mark.parametrize(
    ("folder", "version"),
    [("8.0.4", "8.0.4"), ("10.0.0-rc.1.25451.107", "10.0.0-rc.1.25451.107"), ("9" * 5000 + ".0.0", "")],
)
def test_the_folder_tells_the_version_if_it_is_one(folder: str, version: str) -> None:
    module = FakeModule(f"/dotnet/shared/Microsoft.NETCore.App/{folder}/libcoreclr.so", 0x1000, 0x2000)
    assert find_version(FakeTarget(module), RuntimeModule(module, RuntimeKind.CORECLR)) == version

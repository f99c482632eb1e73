"""Which versions are known, and what is said of others."""

import pytest

from builders.clr import FakeModule
from dotdump.clr.known_versions import KNOWN, is_known
from dotdump.clr.layout_choice import OURS, doubts_about
from dotdump.clr.runtime_module import RuntimeKind, RuntimeModule

MODULE = FakeModule("/dotnet/libcoreclr.so", 0x7F0000000000, 0x7F0000080000)
CORECLR, NATIVE_AOT = (RuntimeModule(MODULE, kind) for kind in RuntimeKind)


def test_there_are_layouts_of_each_known_version() -> None:
    assert [int(version.partition(".")[0]) for version in KNOWN] == list(OURS)


@pytest.mark.parametrize("version", ["3.1.23", "3.1", "8.0.4", "9.0.22", "10.0.0-rc.1.25451.107"])
def test_a_known_version_is_not_doubted(version: str) -> None:
    assert is_known(version)
    assert not doubts_about(CORECLR, version)


@pytest.mark.parametrize(
    ("version", "taken"),
    [("2.1.30", "3.1"), ("3.0.3", "3.1"), ("5.0.17", "3.1"), ("6.0.36", "8.0"), ("7.0.20", "8.0"), ("11.0.0", "10.0")],
)
def test_another_one_is_read_as_the_nearest_and_doubted(version: str, taken: str) -> None:
    (doubt,) = doubts_about(CORECLR, version)
    assert doubt.message.startswith(f"CoreCLR {version} is read as if it were {taken}, so answers may be wrong")


def test_one_that_does_not_say_its_version_is_doubted() -> None:
    (doubt,) = doubts_about(CORECLR, "")
    assert doubt.message.startswith("a CoreCLR that does not say its version is read as if it were 10.0")


def test_native_aot_describes_itself() -> None:
    assert not doubts_about(NATIVE_AOT, "")

"""Signals in words."""

import pytest

from dotdump.analysis.signals import signal_name, signal_source


@pytest.mark.parametrize(
    ("number", "code", "address", "sender", "source"),
    [
        (11, 1, "0x10", None, " at address 0x10"),
        (11, 0x80, None, None, ", raised by the kernel, which does not tell the address"),
        (14, 0x80, None, None, ", raised by the kernel"),
        (6, -6, None, 7, ", sent by process 7"),
        (14, -2, None, None, ""),
    ],
)
def test_where_a_signal_came_from_is_told_as_far_as_it_is_known(
    number: int, code: int, address: str | None, sender: int | None, source: str
) -> None:
    assert signal_source(number, code, address, sender) == source


def test_a_signal_without_a_name_has_its_number() -> None:
    assert (signal_name(11), signal_name(77)) == ("SIGSEGV", "signal 77")

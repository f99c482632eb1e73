"""A signal in words: its name, and where it came from."""

from __future__ import annotations

import signal

from dotdump.formats.core_notes import FAULT_SIGNALS, SI_KERNEL


def signal_name(number: int) -> str:
    """Return the name of a signal, or its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def signal_source(number: int, code: int, address: str | None, sender: int | None) -> str:
    """Return where a signal came from, to stand behind its name; nothing where that is not told.

    The kernel tells no address of some faults, such as x86-64's general protection fault: an address that no memory can
    be at causes it.
    """
    place = f" at address {address}" if address is not None else ""
    told = f", sent by process {sender}" if sender is not None else ""
    if code == SI_KERNEL:
        told = ", raised by the kernel" + (", which does not tell the address" if number in FAULT_SIGNALS else "")
    return place + told

"""The processors whose registers we know, as ELF numbers them. Source of truth: gABI chapter 4, ``e_machine``."""

from __future__ import annotations

from enum import IntEnum


class Machine(IntEnum):
    """``e_machine`` of the architectures whose registers we know."""

    X86_64 = 62
    AARCH64 = 183

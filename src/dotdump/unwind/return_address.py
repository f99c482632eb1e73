"""Return addresses as code addresses: without the pointer authentication code that arm64 may have put into them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.formats.registers import AARCH64, parse_registers
from dotdump.target.model import Architecture

if TYPE_CHECKING:
    from dotdump.target.model import Target

_PAC_MASK = ("LINUX", 0x406)
_DEFAULT_MASK = 0x7F << 48 | 0xFF << 56
_USER_HALF = 1 << 55


class ReturnAddresses:
    """Return addresses of ``target``. The mask of the code is in its NT_ARM_PAC_MASK, or as for 48-bit addresses."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._signs = target.platform.architecture is Architecture.AARCH64

    @cached_property
    def _mask(self) -> int:
        layout = AARCH64.set_of(*_PAC_MASK)
        for thread in self._target.threads:
            data = thread.notes.get(_PAC_MASK)
            if data is not None and layout is not None:
                return parse_registers(layout.registers, data).get("pac_code_mask", 0) or _DEFAULT_MASK
        return _DEFAULT_MASK

    def strip(self, address: int) -> int:
        """Return ``address`` with bits in place of its code that make it one of its half of all addresses."""
        if not self._signs:
            return address
        return address | self._mask if address & _USER_HALF else address & ~self._mask

    def canonical(self, address: int) -> int:
        """Return ``address``; without a code where it has one that no call frame information told of."""
        return self.strip(address) if self._signs and address >> 56 else address

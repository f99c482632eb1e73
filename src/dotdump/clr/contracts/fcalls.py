"""``FCalls``: which method a function of the runtime implements that managed code calls without a stub.

Source of truth: ``ECHash`` and ``MapTargetBackToMethod`` of ecall.h and ecall.cpp, up to 9; read from 3.1.23, 8.0.4 and
9.0.22.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.data.frames import FCall, MachState
from dotdump.limits import FCALLS_OF_BUCKET

if TYPE_CHECKING:
    from dotdump.clr.data.frames import HelperMethodFrame
    from dotdump.clr.data_access import DataAccess

_TABLE = "FCallMethods"
_BUCKETS = "FCallBuckets"


class FCalls:
    """The hash table of one runtime, by the address of the implementation; empty where a version has none."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        there = access.has_global(_TABLE) and access.has_global(_BUCKETS)
        self._buckets = access.global_integer(_BUCKETS) if there else 0
        self._table = access.global_address(_TABLE) if there else 0

    def method_of(self, frame: HelperMethodFrame) -> int:
        """Return the MethodDesc of the method whose implementation left ``frame``; 0 where that cannot be told.

        The Frame itself says it once its caller was looked for; before that anything may stand there. Raises
        ``MemoryFault`` where the Frame or the table is not there.
        """
        if self._buckets and not MachState(self._access, frame.address_of("MachState")).return_address_place:
            return self._find(frame.implementation)
        return frame.method_desc

    def _find(self, implementation: int) -> int:
        if not implementation:
            return 0
        reader = self._access.reader
        node = reader.pointer(self._table + reader.pointer_size * (implementation % self._buckets))
        for _ in range(FCALLS_OF_BUCKET):
            if not node:
                break
            call = FCall(self._access, node)
            if call.implementation == implementation:
                return call.method_desc
            node = call.next
        return 0

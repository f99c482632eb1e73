"""Statics: where the static fields of a type lie, of all threads or of one. Two ways of keeping them, by version.

References, and values of structs as boxes, lie in one place, everything else in another; a field's offset counts in
the one it is in. Nothing here reads a field.

Source of truth: docs/design/datacontracts/RuntimeTypeSystem.md (GetGCStaticsBasePointer) and Thread.md
(GetThreadLocalStaticBase) for 9 and later; appdomain.hpp and threadstatics.h of 3.1 and 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.contracts.type_names import TypeNames
    from dotdump.clr.data_access import DataAccess


@record
class StaticsBase:
    """Where offsets count from: of ``references`` and boxes, of ``values``. 0: there is no room for them yet.

    ``initialized``: the runtime says that the class constructor has run.
    """

    references: int
    values: int
    initialized: bool


NOWHERE = StaticsBase(0, 0, initialized=False)


class Statics(Protocol):
    """How one version keeps them. Addresses are of MethodTables; what cannot be read raises ``MemoryFault``."""

    def base_of(self, method_table: int) -> StaticsBase:
        """Return where the statics of a type lie that all threads share."""

    def thread_base_of(self, method_table: int, thread: int) -> StaticsBase:
        """Return where the thread statics of a type lie, of the thread whose Thread is at an address."""

    def thread_storage(self, thread: int) -> int:
        """Return the object that keeps a thread's statics alive and nothing else does, 0 where handles do."""


def find_statics(access: DataAccess, names: TypeNames) -> Statics | None:
    """Return how the runtime keeps statics, as far as its layouts say; None where they do not."""
    if access.has("DynamicStaticsInfo", "GCStatics"):
        from dotdump.clr.contracts.statics_of_types import StaticsOfTypes

        return StaticsOfTypes(access)
    if access.has("DomainLocalModule", "GCStatics"):
        from dotdump.clr.contracts.statics_of_modules import StaticsOfModules

        return StaticsOfModules(access, names)
    return None

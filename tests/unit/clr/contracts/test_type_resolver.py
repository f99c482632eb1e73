"""Signatures whose types lead to each other, of a runtime that is only as large as a test needs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.clr.contracts.type_resolver import TypeResolver
from dotdump.errors import FormatError
from dotdump.formats.metadata.rows import RESOLUTION_SCOPE
from dotdump.formats.metadata.schema import AssemblyRef, TypeRef, TypeSpec
from dotdump.formats.metadata.signatures import ElementType as E
from dotdump.formats.metadata.signatures import Handle, Instantiation, Named

if TYPE_CHECKING:
    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.contracts.type_maps import TypeMaps
    from dotdump.clr.contracts.type_names import TypeNames
    from dotdump.clr.data_access import DataAccess

CONTEXT, DEFINITION, FOUND, DOUBLING = 0x1000, 0x2000, 0x3000, 0x10000


class Runtime:
    """Types from ``DOUBLING`` on each have the next one as both arguments; ``asked`` says of how many that was read."""

    def __init__(self) -> None:
        self.asked = 0
        access = SimpleNamespace(places_of=lambda _view: {}, integer=lambda *_names, **_default: 0)
        self.metadata = SimpleNamespace(row=lambda _kind, row: SimpleNamespace(signature=row), blob=self._blob)
        names = SimpleNamespace(module_of=lambda _table: 1, token_of=lambda _table: 1, arguments_of=self._arguments)
        self.maps = SimpleNamespace(find_definition=lambda *_: DEFINITION, find_constructed=lambda *_: FOUND)
        self.resolver = TypeResolver(
            cast("DataAccess", access),
            cast("Loader", SimpleNamespace(find_metadata=lambda _module: self.metadata)),
            cast("TypeNames", names),
            cast("TypeMaps", self.maps),
        )

    def _arguments(self, table: int) -> tuple[int, ...]:
        self.asked += 1
        return (table + 8, table + 8) if DOUBLING <= table < DOUBLING + 8 * 14 else ()

    def _blob(self, row_id: int) -> bytes:
        following = bytes((E.CLASS, row_id + 1 << 2 | 2))
        return bytes((E.GENERICINST, E.CLASS, 1 << 2, 2)) + 2 * following if row_id < 14 else bytes((E.CLASS, 1 << 2))


def test_types_that_are_too_many_in_all_are_an_error() -> None:
    runtime = Runtime()
    assert runtime.resolver.resolve(Named(TypeSpec.table, 13, is_value_type=False), CONTEXT) == FOUND
    with pytest.raises(FormatError, match="too many"):
        runtime.resolver.resolve(Named(TypeSpec.table, 1, is_value_type=False), CONTEXT)


def test_the_modules_of_an_argument_are_asked_for_once() -> None:
    runtime = Runtime()
    signature = Instantiation(Named(0x02, 1, is_value_type=False), (Handle(DOUBLING),))
    assert runtime.resolver.resolve(signature, CONTEXT) == FOUND
    assert runtime.asked == 1 + 15


@pytest.mark.parametrize(
    ("scope", "assembly", "name", "found"),
    [
        (AssemblyRef, "System.Private.CoreLib", "Guid", 2),
        (AssemblyRef, "netstandard", "Guid", 2),
        (AssemblyRef, "Elsewhere", "Guid", 0),
        (AssemblyRef, "System.Private.CoreLib", "Inner", 0),
        (TypeRef, "System.Private.CoreLib", "Guid", 0),
    ],
)
def test_a_reference_that_its_module_does_not_remember_is_found_by_name_in_the_core_library(
    scope: type[AssemblyRef | TypeRef], assembly: str, name: str, found: int
) -> None:
    runtime = Runtime()
    runtime.maps.find_reference = lambda *_: 0
    runtime.maps.find_definition = lambda _module, row_id: row_id
    rows = {
        TypeRef: SimpleNamespace(
            resolution_scope=1 << 2 | RESOLUTION_SCOPE.tables.index(scope.table), namespace="System", name=name
        ),
        AssemblyRef: SimpleNamespace(name=assembly),
    }
    runtime.metadata.row = lambda kind, _row: rows[kind]
    runtime.metadata.string = str
    definitions = [("Object", 1), ("Guid", 1), ("Inner", 2)]
    runtime.metadata.rows = lambda _kind: [
        SimpleNamespace(flags=flags, namespace="System", name=own) for own, flags in definitions
    ]
    assert runtime.resolver.resolve(Named(TypeRef.table, 1, is_value_type=True), CONTEXT) == found

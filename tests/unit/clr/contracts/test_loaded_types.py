"""Types of modules that share their tables, as no loader makes them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from builders.fake_access import Layout, fake_access
from dotdump import limits
from dotdump.clr.contracts.loaded_types import LoadedTypes
from dotdump.clr.contracts.loader import Loader
from dotdump.clr.contracts.type_maps import TypeMaps
from dotdump.clr.contracts.type_names import TypeNames

if TYPE_CHECKING:
    import pytest

    from dotdump.clr.contracts.type_system import TypeSystem

MODULES = [0x7F0000100000 + 0x100 * number for number in range(64)]
TABLE, HASH_TABLE, BUCKETS, ENTRY = 0x7F0000200000, 0x7F0000300000, 0x7F0000310000, 0x7F0000320000
ROWS = 32
LAYOUTS: dict[str, Layout] = {
    "Module": {"TypeDefToMethodTableMap": 0, "TypeRefToMethodTableMap": 0, "AvailableTypeParams": 24},
    "ModuleLookupMap": {"Next": 0, "TableData": 8, "Count": (16, "uint32")},
    "EETypeHashTable": {
        "Buckets": 0,
        "BucketCount": (8, "uint32"),
        "VolatileEntryValue": 0,
        "VolatileEntryNextEntry": 8,
    },
}


def loaded_types(*, constructed: int = 0) -> LoadedTypes:
    """Return types of 64 modules with one table of 32 for all, and as many buckets of constructed types."""
    access, target = fake_access(LAYOUTS)
    for module in MODULES:
        target.words(module, 0, TABLE, ROWS, HASH_TABLE if constructed else 0)
    target.words(TABLE, *range(0x5000, 0x5000 + 8 * ROWS, 8))
    target.words(HASH_TABLE, BUCKETS, constructed)
    target.words(BUCKETS, *[ENTRY] * constructed)
    target.words(ENTRY, 0x9000, 0)
    maps = TypeMaps(access, TypeNames(access, Loader(access)))
    names = SimpleNamespace(module_behind=lambda table: 0x6000 + table)
    return LoadedTypes(cast("TypeSystem", SimpleNamespace(maps=maps, names=names)))


def test_types_of_modules_that_share_a_table_are_read_once_each() -> None:
    loaded = loaded_types(constructed=1)
    assert list(loaded.types(MODULES[:2])) == [*range(0x5000, 0x5000 + 8 * ROWS, 8), 0x9000]
    assert loaded.problems == []


def test_tables_that_are_too_many_in_all_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOADED_TYPES", 4 * ROWS)
    loaded = loaded_types()
    list(loaded.types(MODULES))
    (problem,) = loaded.problems
    assert problem.message.startswith(f"loaded types of the module at {MODULES[3]:#x}: more than 128 places")


def test_buckets_of_constructed_types_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOADED_TYPES", 4 * ROWS)
    loaded = loaded_types(constructed=4 * ROWS)
    assert list(loaded.types(MODULES)) == list(range(0x5000, 0x5000 + 8 * ROWS, 8))
    (problem,) = loaded.problems
    assert problem.message.startswith(f"loaded types of the module at {MODULES[0]:#x}: more than 128 places")


def test_references_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOADED_TYPES", 4 * ROWS)
    loaded = loaded_types()
    assert len(loaded.modules((), MODULES)) == len(MODULES) + ROWS
    assert "more than 128 places" in loaded.problems[-1].message


def test_what_is_no_type_costs_more_as_it_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOADED_TYPES", len(MODULES) * (ROWS + 1))
    loaded = loaded_types()
    asked: list[int] = []

    def no_module(table: int) -> int:
        asked.append(table)
        return 0

    monkeypatch.setattr(loaded, "_module_of", no_module)
    assert loaded.modules((), MODULES) == MODULES
    assert len(asked) == ROWS
    assert "places" in loaded.problems[-1].message

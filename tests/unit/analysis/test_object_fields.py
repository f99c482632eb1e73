"""Fields of objects whose structs hold structs, as types of a damaged heap do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from dotdump import limits
from dotdump.analysis.object_fields import ObjectFields
from dotdump.analysis.value_text import INLINE_ELEMENTS
from dotdump.clr.model.value import ClrStruct

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from dotdump.clr.model.field import ClrField
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.value import Value

WIDTH = 6


def fields_of(value: Value) -> list[tuple[ClrField, Value]]:
    """Return fields with one value each."""
    names = [SimpleNamespace(name=f"f{n}", type_name="T", offset=8 * n, declaring_type=DECLARING) for n in range(WIDTH)]
    return [(cast("ClrField", name), value) for name in names]


DECLARING = SimpleNamespace(name="T", fields=[None] * WIDTH, inline_element=None, inline_element_size=0)


class Nested(ClrStruct):
    """A struct whose fields are such structs; ``depth`` of them are one in another."""

    def __init__(self, depth: int) -> None:
        self.type = DECLARING  # type: ignore[assignment]  # a fake of it
        self._depth = depth

    def values(self) -> Iterator[tuple[ClrField, Value]]:
        return iter(fields_of(Nested(self._depth - 1) if self._depth else 7))


def test_structs_are_shown_with_their_fields_as_far_in_as_four() -> None:
    fields = ObjectFields()
    first, *_ = fields.of(cast("ClrObject", Nested(1)))
    assert ([inner.offset for inner in first.fields], first.fields[0].value) == ([8, 16, 24, 32, 40, 48], 7)
    assert not fields.is_cut


def test_fields_that_are_too_many_in_all_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FIELDS_SHOWN", WIDTH + WIDTH**2)
    fields = ObjectFields()
    assert len(list(fields.of(cast("ClrObject", Nested(1))))) == WIDTH
    assert not fields.is_cut
    fields = ObjectFields()
    (first,) = fields.of(cast("ClrObject", Nested(6)))
    assert first.fields[0].fields[0].fields
    assert fields.is_cut


class Buffer(ClrStruct):
    """An inline array of as many numbers."""

    def __init__(self, length: int) -> None:
        element = SimpleNamespace(name="e", type_name="Int32", offset=0, declaring_type=DECLARING)
        self.type = SimpleNamespace(  # type: ignore[assignment]  # a fake of it
            name="Buffer", inline_element=element, inline_element_size=4, value_size=4 * length
        )
        self._length = length

    @property
    def elements(self) -> Iterator[Value]:
        return iter(range(self._length))


def test_an_inline_array_is_shown_with_its_elements_where_its_line_has_them() -> None:
    for length, shown in ((3, [(8, "[0]"), (12, "[1]"), (16, "[2]")]), (INLINE_ELEMENTS + 1, [])):
        (field, _), *_ = fields_of(0)
        found = SimpleNamespace(values=lambda field=field, length=length: iter([(field, Buffer(length))]))
        (first,) = ObjectFields().of(cast("ClrObject", found))
        assert [(inner.offset, inner.name) for inner in first.fields] == shown
        assert first.text.startswith("[0, 1, 2")

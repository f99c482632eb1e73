"""Names of generic types, put together from definitions and arguments."""

from __future__ import annotations

import pytest

from dotdump.clr.contracts.type_names import with_arguments


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        ("Outer`1+Inner`2", "Outer<a>+Inner<b, c>"),
        ("Outer`1+Inner", "Outer<a>+Inner"),
        ("Odd`x", "Odd`x"),
        ("Odd`" + "9" * 5000, "Odd`" + "9" * 5000),
    ],
)
def test_arguments_stand_where_their_arity_does(definition: str, name: str) -> None:
    assert with_arguments(definition, ["a", "b", "c"]) == name

"""Which of two values is larger: as times, as numbers, else as text."""

from __future__ import annotations

import operator as op
from decimal import Decimal
from math import isnan
from typing import TYPE_CHECKING

from dotdump.analysis.times import TIMES, ticks_of
from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.value import ClrStruct, EnumValue, Unreadable

if TYPE_CHECKING:
    from dotdump.clr.model.value import Value


_OPERATORS = {"=": op.eq, "!=": op.ne, "<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge}
_ORDERS = {"=": (0,), "!=": (-1, 1), "<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}
"""What ``_order`` may be where an operator holds."""


def compare(operator: str, left: Value, right: Value) -> bool:
    """Return whether ``=``, ``!=``, ``<``, ``<=``, ``>`` or ``>=`` holds; never of what cannot be read or compared.

    Null is equal to null, and unequal to all else.
    """
    if type(left) is int and type(right) is int:
        return bool(_OPERATORS[operator](left, right))
    if isinstance(left, Unreadable) or isinstance(right, Unreadable):
        return False
    if left is None or right is None:
        return (left is right) == (operator == "=") and operator in ("=", "!=")
    order = _order(left, right)
    if order is None:
        return False
    return order in _ORDERS[operator]


def _order(left: Value, right: Value) -> int | None:
    """Return which is larger: -1, 0 or 1; None where they have no order."""
    if isinstance(left, ClrStruct) or isinstance(right, ClrStruct) or _is_nan(left) or _is_nan(right):
        return None
    if isinstance(left, TIMES) or isinstance(right, TIMES):
        return _order_of_times(left, right)
    first, second = _as_number(left), _as_number(right)
    if first is not None and second is not None:
        return (first > second) - (first < second)
    if isinstance(left, ClrObject) or isinstance(right, ClrObject):
        return None
    one, other = _text(left), _text(right)
    return (one > other) - (one < other)


def _order_of_times(left: Value, right: Value) -> int | None:
    kind = type(left) if isinstance(left, TIMES) else type(right)
    first, second = ticks_of(kind, left), ticks_of(kind, right)
    return None if first is None or second is None else (first > second) - (first < second)


def _as_number(value: Value) -> int | float | Decimal | None:
    """Return a number, which Python compares exactly with one of another kind; of an object its address."""
    if isinstance(value, int | float | Decimal):
        return value
    return value.address if isinstance(value, ClrObject) else None


def _is_nan(value: Value) -> bool:
    return isinstance(value, float) and isnan(value)


def _text(value: Value) -> str:
    if isinstance(value, EnumValue):
        return value.name
    return str(value).lower() if isinstance(value, bool) else str(value)

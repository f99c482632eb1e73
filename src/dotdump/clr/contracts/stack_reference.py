"""``StackReference``: a place on a stack, or a register, that holds a reference."""

from __future__ import annotations

from dotdump.records import record


@record
class StackReference:
    """A slot: ``value`` is in ``register`` where that is named, and lies at ``address``, 0 for nowhere.

    ``interior``: it may point into an object, or to what is none. ``pinned``: what it points to must not be moved.
    """

    address: int
    register: str
    value: int
    interior: bool = False
    pinned: bool = False

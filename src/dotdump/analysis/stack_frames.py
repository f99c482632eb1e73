"""``StackFrames``: the frames of a stack as columns, for all threads of a process may have a hundred thousand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from dotdump.analysis.stacks import StackFrame
from dotdump.records import RecordColumns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.stacks import FrameLocation


class StackFrames(RecordColumns, Sequence[StackFrame]):
    """Frames without objects and variables: one becomes a record each time it is asked for."""

    def __init__(self, locations: Sequence[FrameLocation], sps: Sequence[str], trusts: Sequence[str]) -> None:
        self._told = locations, sps, trusts

    @property
    def columns(self) -> tuple[Sequence[object], ...]:
        """The values of each field."""
        nothing = [()] * len(self)
        return (*self._told, nothing, nothing)

    def __len__(self) -> int:
        return len(self._told[0])

    def __iter__(self) -> Iterator[StackFrame]:
        return map(StackFrame, *self._told)

    @overload
    def __getitem__(self, index: int) -> StackFrame: ...
    @overload
    def __getitem__(self, index: slice) -> StackFrames: ...
    def __getitem__(self, index: int | slice) -> StackFrame | StackFrames:
        locations, sps, trusts = self._told
        if isinstance(index, slice):
            return StackFrames(locations[index], sps[index], trusts[index])
        return StackFrame(locations[index], sps[index], trusts[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

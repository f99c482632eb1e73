"""``StackFrames``: the frames of a stack as columns, for all threads of a process may have a hundred thousand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from dotdump.analysis.stacks import StackFrame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.analysis.stacks import FrameLocation


class StackFrames(Sequence[StackFrame]):
    """Frames without objects and variables: one becomes a record each time it is asked for."""

    def __init__(self, locations: Sequence[FrameLocation], sps: Sequence[str], trusts: Sequence[str]) -> None:
        self._columns = locations, sps, trusts

    @property
    def json_columns(self) -> tuple[Sequence[object], ...]:
        """The values of each field of the frames."""
        nothing = [()] * len(self)
        return (*self._columns, nothing, nothing)

    def __len__(self) -> int:
        return len(self._columns[0])

    def __iter__(self) -> Iterator[StackFrame]:
        return map(StackFrame, *self._columns)

    @overload
    def __getitem__(self, index: int) -> StackFrame: ...
    @overload
    def __getitem__(self, index: slice) -> StackFrames: ...
    def __getitem__(self, index: int | slice) -> StackFrame | StackFrames:
        locations, sps, trusts = self._columns
        if isinstance(index, slice):
            return StackFrames(locations[index], sps[index], trusts[index])
        return StackFrame(locations[index], sps[index], trusts[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

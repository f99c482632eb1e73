"""``ClrException``: an exception object, as what it says and where it has been.

Everything is read from the object; what the program overrides, such as ``Message``, would need code to run and is
not known here. Source of truth: Exception.CoreCLR.cs and AggregateException.cs from 3.1 to 10.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.stack_traces import StackTraceFrame, read_stack_trace
from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.value import Unreadable
from dotdump.errors import FormatError, InvalidObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.value import Value

_AGGREGATED = ("_innerExceptions", "m_innerExceptions")


class ClrException:
    """The exception that ``source`` is; raises ``InvalidObject`` for any other object."""

    def __init__(self, source: ClrObject) -> None:
        if not source.type.is_exception:
            raise InvalidObject(source.address, f"{source.type.name} is no exception")
        self.source = source

    @property
    def address(self) -> int:
        """The address of the object."""
        return self.source.address

    @property
    def type_name(self) -> str:
        """The full name of its type."""
        return self.source.type.name

    @property
    def message(self) -> str | None:
        """The message that it was made with; None where its type has the text and the object does not.

        So it is where the text was blanked, as in Triage dumps: a message of zeros is none.
        """
        return self._text("_message")

    @property
    def hresult(self) -> int:
        """Its HRESULT as a signed number of 32 bits."""
        value = self.source["_HResult"]
        return value if isinstance(value, int) else 0

    @property
    def remote_stack_trace(self) -> str | None:
        """The text of its frames before it was thrown again or came from elsewhere; None where that did not happen."""
        return self._text("_remoteStackTraceString")

    @property
    def inner(self) -> ClrException | None:
        """The exception that led to it."""
        return _exception(self.source["_innerException"])

    @cached_property
    def inners(self) -> tuple[ClrException, ...]:
        """All that led to it: of an ``AggregateException`` each of them, else the inner one alone."""
        several = self._aggregated()
        if several is None:
            return (self.inner,) if self.inner is not None else ()
        return several

    @cached_property
    def chain(self) -> tuple[ClrException, ...]:
        """Itself and the inner exceptions, one in another; ends before one that was there already."""
        found: list[ClrException] = []
        seen: set[int] = set()
        step: ClrException | None = self
        while step is not None and step.address not in seen and len(found) < limits.INNER_EXCEPTIONS:
            seen.add(step.address)
            found.append(step)
            step = step.inner
        return tuple(found)

    @cached_property
    def stack_trace(self) -> tuple[StackTraceFrame, ...]:
        """The frames it passed since it was last thrown, the newest first; raises ``FormatError``, ``MemoryFault``."""
        trace = self.source["_stackTrace"]
        if isinstance(trace, ClrObject) and trace.shape.contains_pointers:
            elements = trace.array
            trace = elements[0] if elements is not None and len(elements) else None
        if trace is None:
            return ()
        array = trace.array if isinstance(trace, ClrObject) else None
        if array is None or not isinstance(trace, ClrObject) or trace.shape.component_size != 1:
            raise FormatError(f"{trace!r} is no array of bytes", source=f"stack trace of {self.address:#x}")
        return read_stack_trace(trace.heap.access, array.address_of(0), len(array)) if len(array) else ()

    def _aggregated(self) -> tuple[ClrException, ...] | None:
        """Return what an ``AggregateException`` has, None of any other."""
        name = next((name for name in _AGGREGATED if self.source.type.find_field(name) is not None), None)
        if name is None:
            return None
        held = self.source[name]
        if isinstance(held, ClrObject) and held.array is None:  # 3.1 has a collection around the array
            held = held["list"]
        return tuple(_exceptions(held))

    def _text(self, name: str) -> str | None:
        value = self.source[name]
        return value if isinstance(value, str) and not _is_blank(value) else None

    def __repr__(self) -> str:
        return f"<ClrException {self.type_name} at {self.address:#x}>"


def _is_blank(text: str) -> bool:
    return text != "" and not text.strip("\0")


def _exception(value: Value) -> ClrException | None:
    if isinstance(value, Unreadable):
        raise FormatError(value.reason, source="inner exception")
    return ClrException(value) if isinstance(value, ClrObject) and value.type.is_exception else None


def _exceptions(held: Value) -> Iterator[ClrException]:
    array = held.array if isinstance(held, ClrObject) else None
    for value in array.elements(0, limits.INNER_EXCEPTIONS) if array is not None else ():
        found = _exception(value)
        if found is not None:
            yield found

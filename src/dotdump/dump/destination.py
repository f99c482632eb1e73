"""``Destination``: where a collect puts its core, from room before the first byte to a name after the last.

Three kinds: a new file that gets a name, a stream that somebody else reads, and an open file that somebody else
holds and names, as ``collect`` does for the createdump that a runtime starts. Stops nothing, reads no target.
"""

from __future__ import annotations

import os

from dotdump.dump.core_space import core_space
from dotdump.dump.held_file import HeldFile
from dotdump.dump.output import OutputFile, open_output
from dotdump.dump.place import find_place
from dotdump.dump.space import require_space
from dotdump.dump.stream import StreamOutput
from dotdump.dump.verify import Finding, Verdict, verify_core
from dotdump.errors import OutputRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.naming import NameFacts
    from dotdump.dump.verify import Expectation

    Output = OutputFile | StreamOutput | HeldFile

STREAM = "-"
"""The name of an output that means standard output."""
WORTH_KEEPING = 1 << 16
"""Bytes: a shorter piece of a core has no memory in it."""


def open_destination(name: str | None, facts: NameFacts, *, replace: bool, deadline: float) -> Output:
    """Return the output that ``name`` means; raises ``OutputRefused``. A stream is given up at ``deadline``."""
    if name == STREAM:
        return StreamOutput.open(1, "standard output", deadline)
    if name is not None and (held := HeldFile.find(name)):
        return held
    return open_output(find_place(name, facts, replace=replace))


def require_room(output: Output, expected: int | None) -> None:
    """Raise ``OutputRefused`` where ``expected`` bytes will not fit; nobody knows what is behind a stream."""
    if isinstance(output, OutputFile):
        require_space(output.directory, output.path, expected)
    elif isinstance(output, HeldFile):
        require_space(output.descriptor, output.path, expected)


def verify_output(output: Output, expected: Expectation) -> tuple[Finding, ...]:
    """Read back what was written; of a stream only its end is known."""
    if isinstance(output, StreamOutput):
        seen = f"{output.size:,} bytes to the trailer were taken; 'dotdump verify' reads them back where they arrive"
        return (Finding("stream", Verdict.OK, seen),)
    space, length = core_space(output.descriptor, output.size)
    return verify_core(space, length, expected)


def is_read_back(output: Output) -> bool:
    """Return whether ``verify_output`` reads the core itself."""
    return not isinstance(output, StreamOutput)


def publish(output: Output) -> tuple[str, tuple[str, ...]]:
    """Make a whole core durable and give it its name; return that, and what should be known about it."""
    if isinstance(output, StreamOutput):
        return STREAM, ()
    if isinstance(output, HeldFile):
        os.fsync(output.descriptor)
        return output.path, ()
    path, place = output.publish(), output.place
    if place.numbered or path.endswith(f"/{place.name}"):
        return path, ()
    return path, (f"{place.name} appeared while the dump was taken: it was left alone, and the dump is {path}",)


def keep(output: Output) -> str | None:
    """Keep a piece of a core that can be analysed, as ``NAME.partial``; what others hold is theirs to keep."""
    if not isinstance(output, OutputFile) or output.size < WORTH_KEEPING:
        return None
    try:
        return output.keep()
    except OutputRefused:
        return None

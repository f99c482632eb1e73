"""Threads as small dumps show them: without registers that are not in use, in a Triage dump without those of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.formats.core_notes import CORE, LINUX, NoteType
from dotdump.formats.registers import NT_X86_XSTATE, without_vectors
from dotdump.formats.xsave import without_tiles
from dotdump.records import replace

if TYPE_CHECKING:
    from dotdump.formats.registers import RegisterFile
    from dotdump.target.model import Thread

_KEPT_NOTES = ((CORE, NoteType.PRSTATUS), (CORE, NoteType.SIGINFO))


def shortened(thread: Thread) -> Thread:
    """Return a thread without AMX's tiles, where it has none in use."""
    area = thread.notes.get((LINUX, NT_X86_XSTATE))
    short = area and without_tiles(area)
    return thread if short == area else replace(thread, notes={**thread.notes, (LINUX, NT_X86_XSTATE): short})


def blanked(thread: Thread, registers: RegisterFile) -> Thread:
    """Return a thread without its vector registers, and without sets of registers that are not known in detail."""
    notes: dict[tuple[str, int], bytes] = {key: thread.notes[key] for key in _KEPT_NOTES if key in thread.notes}
    for key, data in thread.notes.items():
        known = registers.set_of(*key)
        if known is not None and known.registers:
            notes[key] = without_vectors(known.registers, data)
    return shortened(replace(thread, notes=notes))

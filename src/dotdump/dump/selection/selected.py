"""``Selection``: what is to be kept of a target. Light: a full core is one, too, and is chosen without the rest."""

from __future__ import annotations

from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.copied_target import CopiedTarget
    from dotdump.dump.segments import DumpPlan


@record
class Selection:
    """What to keep of a target. ``problems`` are sentences about what could not be chosen as it should be.

    ``shown`` is what to write in its place, where all that is kept has been read: a copy, of which parts are blank
    where it is ``redacted``.
    """

    plan: DumpPlan
    problems: tuple[str, ...] = ()
    shown: CopiedTarget | None = None
    redacted: bool = False

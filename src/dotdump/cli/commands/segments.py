"""``dotdump segments``: where the managed heap of a core lies."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_damage
from dotdump.cli.listing_arguments import add_listing, choice_of
from dotdump.cli.target_arguments import add_target, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump segments core.4711                         segments or regions by address
  dotdump segments core.4711 --sort size --limit 5   the five largest
  dotdump segments core.4711 --type 'Large|Pinned'   those of large and of pinned objects
  dotdump segments core.4711 --format json"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_listing(parser, "segments", ("address", "size", "committed", "heap", "kind"), matched="kind")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the collector's records are damaged."""
    from dotdump.analysis.segments import SegmentRow, heap_segments
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report.listing import as_csv
    from dotdump.report.segments import render_segments, select

    with open_target(arguments, console) as target:
        found = heap_segments(ClrRuntime.of(target))
    status = tell_damage(found.problems, console)
    chosen = select(found, choice_of(arguments))
    text, csv = partial(render_segments, chosen), partial(as_csv, SegmentRow, chosen.segments)
    print_answer(console, "dotdump/segments/1", chosen, text, csv)
    return status

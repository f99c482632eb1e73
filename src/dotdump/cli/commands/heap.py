"""``dotdump heap``: what fills the managed heap of a core."""

from __future__ import annotations

from dotdump.cli.core_arguments import add_core, open_named
from dotdump.cli.listing_arguments import add_listing
from dotdump.cli.registry import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump heap core.4711                           types by size
  dotdump heap core.4711 --limit 20 --sort count   the twenty with most objects
  dotdump heap core.4711 --type '^Billing\\.'       types of one namespace
  dotdump heap core.4711 --format csv > types.csv"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_core(parser, "csv")
    add_listing(parser, "types", ("size", "count", "name"), matched="name")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print them; 3 where the heap could not be walked in full."""
    from dotdump.analysis.statistics import heap_statistics
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report.heap import heap_csv, render_heap, select
    from dotdump.report.json_format import render_json

    with open_named(arguments, console) as target:
        statistics = heap_statistics(ClrRuntime.of(target))
    if not statistics.walkable:
        console.warning("a garbage collection was moving objects: this is what could be had")
    for problem in statistics.problems:
        console.warning(problem.message)
    chosen = select(statistics, arguments.type, arguments.sort, arguments.limit)
    if console.format == "json":
        console.result(render_json("dotdump/heap/1", chosen))
    else:
        console.result(heap_csv(chosen) if console.format == "csv" else render_heap(chosen, console.width))
    return Exit.PROBLEMS if statistics.problems or not statistics.walkable else Exit.DONE

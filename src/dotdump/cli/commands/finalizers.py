"""``dotdump finalizers``: objects that have finalizers, and those that wait for theirs to run."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_damage
from dotdump.cli.listing_arguments import add_listing, choice_of
from dotdump.cli.target_arguments import add_target, open_target
from dotdump.cli.together import not_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.analysis.finalizers import FinalizerList
    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump finalizers core.4711                        types by how many objects with finalizers they have
  dotdump finalizers core.4711 --ready                those only that wait for the finalizer thread
  dotdump finalizers core.4711 --objects --type File  one by one
  dotdump finalizers -p 4711 --format csv"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_listing(parser, "rows", ("count", "size", "name"), unsorted="count; of objects the order of the queue")
    parser.add_argument("--ready", action="store_true", help="only objects whose finalizer is to run")
    parser.add_argument("--objects", action="store_true", help="list the objects one by one")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where a queue is damaged."""
    if arguments.sort == "count" and arguments.objects:
        return not_together(console, "--sort count", ["--objects"])
    from dotdump.analysis.finalizers import list_finalizers
    from dotdump.clr.model.runtime import ClrRuntime

    with open_target(arguments, console) as target:
        found = list_finalizers(ClrRuntime.of(target), ready_only=arguments.ready)
    status = tell_damage(found.problems, console)
    _print(found, arguments, console)
    return status


def _print(found: FinalizerList, arguments: Namespace, console: Console) -> None:
    from dotdump.analysis.finalizers import by_type
    from dotdump.report import finalizers as report

    choice = choice_of(arguments)
    if arguments.objects:
        chosen = report.select(found, choice)
        text = partial(report.render_objects, chosen)
        print_answer(console, "dotdump/finalizers/1", chosen, text, partial(report.objects_csv, chosen))
    else:
        types = report.select_types(by_type(found), choice)
        text = partial(report.render_types, types)
        print_answer(console, "dotdump/finalizer-types/1", types, text, partial(report.types_csv, types))

"""``dotdump statics``: static fields and thread statics with their values."""

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
  dotdump statics core.4711 --type '^Billing\\.'    static fields of one namespace and their values
  dotdump statics core.4711 --type '\\.s_cache$'    by the name of the field
  dotdump statics core.4711 --threads              those that each thread has one of
  dotdump statics -p 4711 --sort size --limit 20   those that hold the largest objects"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_listing(parser, "fields", ("module", "name", "size", "address"), matched="Type.Field")
    parser.add_argument("--threads", action="store_true", help="only thread statics, once for each thread that has one")
    parser.add_argument("--images", action="store_true", help="also constant data in the images of assemblies")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where some could not be read."""
    from dotdump.analysis.statics import list_statics
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.report import statics as report

    with open_target(arguments, console) as target:
        runtime = ClrRuntime.of(target)
        found = list_statics(runtime, arguments.type, threads_only=arguments.threads, images=arguments.images)
    status = tell_damage(found.problems, console)
    chosen = report.select(found, choice_of(arguments))
    text = partial(report.render_statics, chosen)
    print_answer(console, "dotdump/statics/1", chosen, text, partial(report.statics_csv, chosen))
    return status

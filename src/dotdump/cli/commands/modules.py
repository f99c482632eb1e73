"""``dotdump modules``: the ELF files and the assemblies that a core's process had loaded."""

from __future__ import annotations

from dotdump.cli.core_arguments import add_core, open_named
from dotdump.cli.registry import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = "  dotdump modules core.4711\n  dotdump modules --sysroot /images/app core.4711"


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_core(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the core, or the list of assemblies, is damaged."""
    from dotdump.analysis.modules import list_modules
    from dotdump.cli.answer import warn_of
    from dotdump.report.json_format import render_json
    from dotdump.report.modules import render_modules

    with open_named(arguments, console) as target:
        modules = list_modules(target)
    warn_of(modules.problems, console)
    if console.format == "json":
        console.result(render_json("dotdump/modules/1", modules))
    else:
        console.result(render_modules(modules, width=console.width))
    return Exit.PROBLEMS if modules.problems else Exit.DONE

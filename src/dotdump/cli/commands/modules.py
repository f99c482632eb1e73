"""``dotdump modules``: the ELF files that a core's process had loaded."""

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
    """Print them; 3 where the core is damaged."""
    from dotdump.report.core_lists import module_list, render_modules
    from dotdump.report.json_format import render_json

    with open_named(arguments, console) as target:
        modules, damaged = module_list(target), bool(target.problems)
    if console.format == "json":
        console.result(render_json("dotdump/modules/1", modules))
    else:
        console.result(render_modules(modules, width=console.width))
    return Exit.PROBLEMS if damaged else Exit.DONE

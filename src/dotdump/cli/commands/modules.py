"""``dotdump modules``: the ELF files and the assemblies that a core's process had loaded."""

from __future__ import annotations

from dotdump.cli.core_arguments import add_core, open_named
from dotdump.cli.registry import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.analysis.assemblies import AssemblyRow
    from dotdump.cli.console import Console
    from dotdump.target.core import CoreTarget
    from dotdump.target.model import Problem

EXAMPLES = "  dotdump modules core.4711\n  dotdump modules --sysroot /images/app core.4711"


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_core(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the core, or the list of assemblies, is damaged."""
    from dotdump.cli.answer import warn_of
    from dotdump.report.core_lists import module_list, render_modules
    from dotdump.report.json_format import render_json

    with open_named(arguments, console) as target:
        assemblies, problems = _assemblies(target)
        modules, damaged = module_list(target, assemblies, problems), bool(target.problems or problems)
    warn_of(problems, console)
    if console.format == "json":
        console.result(render_json("dotdump/modules/1", modules))
    else:
        console.result(render_modules(modules, width=console.width))
    return Exit.PROBLEMS if damaged else Exit.DONE


def _assemblies(target: CoreTarget) -> tuple[tuple[AssemblyRow, ...], tuple[Problem, ...]]:
    """Return the assemblies of all runtimes in a core, and what of their lists could not be read."""
    from dotdump.analysis.assemblies import list_assemblies
    from dotdump.clr.model.runtime import ClrRuntime

    found = [list_assemblies(runtime) for runtime in ClrRuntime.all_of(target)]
    return tuple(row for rows, _ in found for row in rows), tuple(one for _, problems in found for one in problems)

"""``dotdump info``: what a core is, whose, why it was taken, and whether it is whole."""

from __future__ import annotations

import os

from dotdump.cli.core_arguments import add_core, open_named
from dotdump.cli.registry import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console

EXAMPLES = "  dotdump info core.4711\n  dotdump info --format json core.4711.zst"


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_core(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 3 where the core is not whole."""
    from dotdump.analysis.core_information import describe_core
    from dotdump.report.core_information import render_core_information
    from dotdump.report.json_format import render_json

    with open_named(arguments, console) as target:
        info = describe_core(target, os.stat(arguments.core).st_mtime)
    console.result(render_json("dotdump/info/1", info) if console.format == "json" else render_core_information(info))
    return Exit.DONE if info.complete else Exit.PROBLEMS

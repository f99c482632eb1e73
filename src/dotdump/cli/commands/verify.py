"""``dotdump verify``: whether a core is whole and can be used."""

from __future__ import annotations

from dotdump.cli.core_arguments import add_core, open_named
from dotdump.cli.registry import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from dotdump.cli.console import Console
    from dotdump.dump.verify import Finding
    from dotdump.target.core import CoreTarget

EXAMPLES = "  dotdump verify core.4711\n  dotdump verify --format json core.4711"


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_core(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Print the findings; 3 where one of them is a problem."""
    from dotdump.dump.verify import Verdict, verify_core, worst
    from dotdump.report.json_format import render_json
    from dotdump.report.table import render_table

    with open_named(arguments, console) as target:
        of_core = verify_core(target.source, target.source.size)
        findings = (*_of_frames(target), *of_core)  # which tell of what was read
    verdict, console.damaged = worst(findings), False  # the verdict says how bad that is
    if console.format == "json":
        result = {"core": arguments.core, "verdict": verdict.value, "findings": findings}
        console.result(render_json("dotdump/verify/1", result))
    else:
        rows = [(finding.check, finding.verdict.value, finding.seen) for finding in findings]
        console.result(render_table(("CHECK", "VERDICT", "SEEN"), rows, width=console.width))
    return Exit.PROBLEMS if verdict is Verdict.PROBLEM else Exit.DONE


def _of_frames(target: CoreTarget) -> Iterator[Finding]:
    """Yield what is found of the frames of a compressed core; nothing of a plain one."""
    from dotdump.dump.verify import Finding, Verdict, verify_frames
    from dotdump.memory.file import FileSpace, UnmappedFile
    from dotdump.target.core import COMPRESSION

    damage = [problem.message for problem in target.problems if problem.kind == COMPRESSION]
    found = Finding("frames", Verdict.WARNING, damage[0]) if damage else None
    if not isinstance(target.source, FileSpace | UnmappedFile):
        from dotdump.memory.zstd import ZstdSpace

        if isinstance(target.source, ZstdSpace):
            of_frames = verify_frames(target.source)
            found = of_frames if found is None or of_frames.verdict is Verdict.PROBLEM else found
    if found is not None:
        yield found

"""``CollectResult`` as text. As JSON it is what it is: ``render_json("dotdump/collect/1", result)``."""

from __future__ import annotations

from dotdump.dump.verify import Verdict
from dotdump.report.table import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.dump.collect import CollectResult


def render_collect(result: CollectResult) -> str:
    """Return the path on the first line, and what is known of the dump below it."""
    lines = [result.path, *(f"  {label:<9} {text}" for label, text in _lines(result))]
    return "\n".join(map(printable, lines))


def _lines(result: CollectResult) -> Iterator[tuple[str, str]]:
    yield "process", f"{result.pid} ({result.name})"
    by = f"{result.method}, {result.command}" if result.command else result.method
    yield "dump", f"{result.type}, {result.bytes:,} bytes, by {by}"
    if result.why:
        yield "method", f"{result.method}: {result.why}"
    pause = "" if result.pause is None else f", process paused for at most {result.pause:.2f} s"
    yield "time", f"{result.seconds:.2f} s{pause}"
    if not result.verified:
        yield "verified", "no"
    else:
        doubts = [finding for finding in result.findings if finding.verdict is not Verdict.OK]
        fine = len(result.findings) - len(doubts)
        yield "verified", f"{fine} of {len(result.findings)} checks passed"
        yield from (("", f"{finding.verdict.value}: {finding.check}: {finding.seen}") for finding in doubts)
    if result.crash_report:
        yield "report", result.crash_report

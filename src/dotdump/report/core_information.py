"""What a core says of itself, as the lines that ``dotdump info`` prints."""

from __future__ import annotations

from dotdump.analysis.signals import signal_source
from dotdump.clr.known_versions import NAMED
from dotdump.report.table import printable, render_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.analysis.core_information import CoreInformation, Death, RuntimeInformation


def render_core_information(info: CoreInformation) -> str:
    """Return the lines that ``dotdump info`` prints."""
    lines = [
        ("core", f"{info.path}, {info.size:,} bytes"),
        ("format", info.format),
        ("complete", _complete_line(info)),
        ("written", _written_line(info)),
        ("process", f"{info.pid} {info.name}, uid {info.uid}"),
        ("command", info.arguments or "not in the core"),
        ("died of", _death_line(info.death)),
        *(("runtime", _runtime_line(runtime)) for runtime in info.runtimes),
        ("threads", f"{info.threads:,}"),
        ("modules", f"{info.modules:,}"),
    ]
    if not info.runtimes:
        lines.append(("runtime", "no .NET runtime found"))
    text = render_table(("", ""), lines).lstrip("\n ")
    memory = render_table(
        ("MEMORY", "MAPPED", "HELD"),
        [(m.kind, f"{m.mapped:,}", f"{m.held:,}") for m in info.memory],
        right=frozenset((1, 2)),
    )
    problems = "\n".join(f"problem: {printable(problem)}" for problem in info.problems)
    return "\n\n".join(part for part in (text, memory, problems) if part)


def _runtime_line(runtime: RuntimeInformation) -> str:
    version = runtime.version or "of unknown version"
    doubt = "" if runtime.known else f" (none that is known: answers may be wrong; known are {NAMED})"
    return f"{runtime.kind} {version}{doubt}, {runtime.path} at {runtime.base}"


def _complete_line(info: CoreInformation) -> str:
    if info.complete:
        return "yes"
    if info.making and info.making.unread and not info.problems:
        places = f"{info.making.gaps:,} place{'s' if info.making.gaps > 1 else ''}"
        return f"no: {info.making.unread:,} bytes in {places} could not be read: {info.making.unread_why}"
    return f"no: {info.size:,} of {info.expected_size:,} bytes, see below"


def _written_line(info: CoreInformation) -> str:
    when, making = info.when or "unknown", info.making
    if making is None:
        return when
    torn = f", {making.not_atomic:,} bytes while the process ran" if making.not_atomic else ""
    collecting = ", during a garbage collection" if making.during_collection else ""
    kind = f", a {making.type} dump" if making.type else ""
    return f"{when}, by {making.writer}, method {making.method}{kind}{torn}{collecting}"


def _death_line(death: Death | None) -> str:
    if death is None:
        return "nothing: no signal that means anything is in the core"
    source = signal_source(death.signal, death.code, death.address, death.sender or None)
    return f"{death.name} ({death.signal}, code {death.code}){source}, thread {death.thread}"

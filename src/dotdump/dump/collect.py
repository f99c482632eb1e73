"""Collect: one process, one method, one verified file. The frame that is the same whatever way memory is read.

Identity, rights, room, output, and only then the method, which is the first to touch the target; afterwards
verification, and a name for the file. Prints nothing.
"""

from __future__ import annotations

import time
from functools import cache, partial

from dotdump.dump.capture import Task
from dotdump.dump.destination import is_read_back, keep, open_destination, publish, require_room, verify_output
from dotdump.dump.progress import Phase, silent
from dotdump.dump.subject import Subject
from dotdump.dump.verify import Finding, Verdict, worst
from dotdump.errors import Incomplete, OutputRefused
from dotdump.ipc.dump import DumpType
from dotdump.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.capture import Capture, Method
    from dotdump.dump.destination import Output
    from dotdump.dump.progress import Progress
    from dotdump.errors import DotdumpError

DEFAULT_TIMEOUT = 3600.0
"""Seconds for all of a collect: 100 GB at 30 MB/s."""


@record
class Request:
    """What to collect. ``output`` as for ``open_destination``; ``timeout`` in seconds, for all of it.

    ``crash_report``: one is to be put beside the core, by the method or afterwards, so its name must be free.
    """

    pid: int
    type: DumpType = DumpType.FULL
    output: str | None = None
    replace: bool = False
    verify: bool = True
    crash_report: bool = False
    timeout: float = DEFAULT_TIMEOUT


@record
class CollectResult:
    """A core that is there. Sizes in bytes, times in seconds; ``pause`` is at most how long the target stood still.

    ``path`` is ``-`` for standard output. ``verified``: it was read back, which a stream cannot be. ``why`` says why
    this method was used, where that was not asked for.

    ``schema``: ``dotdump/collect/1``.
    """

    path: str
    bytes: int
    type: str
    method: str
    pid: int
    name: str
    seconds: float
    pause: float | None
    command: str | None
    verified: bool
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    crash_report: str | None
    why: str = ""


def collect(request: Request, method: Method, progress: Progress = silent) -> CollectResult:
    """Collect a core and return where it is; raises ``CollectError`` or ``ProtocolError``.

    What is there when something fails is removed, or kept as ``NAME.partial`` where it can be analysed: the
    ``Incomplete`` that is raised then names it.
    """
    started = time.monotonic()
    with Subject.open(request.pid) as subject:
        method.check(subject, request.type)
        deadline = started + request.timeout
        with open_destination(request.output, subject.name_facts, replace=request.replace, deadline=deadline) as output:
            if request.crash_report:
                _require_report_name(output)
            expected = method.expected_size(subject, request.type)
            require_room(output, expected)
            read_back = cache(partial(_verify, request, subject, output, progress))
            task = Task(subject, request.type, output, expected, deadline, progress, read_back)
            capture = _capture(method, task)
            findings = read_back()
            _require_whole(output, method, findings)
            size, (path, surprises) = output.size, publish(output)
        report, failures = _write_crash_report(capture, path, request)
        return CollectResult(
            path=path,
            bytes=size,
            type=request.type.title,
            method=method.name,
            pid=subject.pid,
            name=subject.status.name,
            seconds=time.monotonic() - started,
            pause=capture.pause,
            command=capture.command,
            verified=request.verify and is_read_back(output),
            findings=findings,
            warnings=(*capture.warnings, *surprises, *failures),
            crash_report=report,
            why=capture.why,
        )


def _require_report_name(output: Output) -> None:
    from dotdump.dump.report_file import require_report_name

    require_report_name(output)


def _capture(method: Method, task: Task) -> Capture:
    task.progress(Phase.PREPARE, 0, task.expected)
    try:
        return method.capture(task)
    except Incomplete as error:
        kept = keep(task.output)
        what = f"; {_kept_as(kept)}" if kept else ""
        raise Incomplete(f"{error.message}{what}", path=kept, hint=error.hint) from error


def _verify(request: Request, subject: Subject, output: Output, progress: Progress) -> tuple[Finding, ...]:
    """Read an output back, if that was asked for, and return what was found."""
    if not request.verify:
        return ()
    size = output.size
    progress(Phase.VERIFY, size, size)
    expected = subject.expectation()
    if request.type is DumpType.TRIAGE:
        expected = replace(expected, shortened=True)
    return verify_output(output, expected)


def _require_whole(output: Output, method: Method, findings: tuple[Finding, ...]) -> None:
    """Raise ``Incomplete``, with what is wrong and what was kept, unless the file is a whole core."""
    if worst(findings) is not Verdict.PROBLEM:
        return
    problems = "; ".join(finding.seen for finding in findings if finding.verdict is Verdict.PROBLEM)
    kept = keep(output)
    what = _kept_as(kept) if kept else "nothing worth keeping was written"
    raise Incomplete(f"{method.claim}, but it is not whole: {problems}; {what}", path=kept, hint=method.advice_if_cut)


def _kept_as(path: str) -> str:
    return f"what there is was kept as {path}"


def _write_crash_report(capture: Capture, core: str, request: Request) -> tuple[str | None, tuple[str, ...]]:
    """Write the report that the runtime made, if any: its path, and what went wrong, which is nothing of the core's."""
    if capture.crash_report is None:
        return None, ()
    from dotdump.dump.report_file import report_place, write_report

    try:
        return write_report(report_place(core, replace=request.replace), capture.crash_report), ()
    except OutputRefused as error:
        return None, (no_report(error),)


def no_report(error: DotdumpError) -> str:
    """Return what to say where there is a core, but no crash report beside it."""
    return f"the dump is whole, but its crash report was not written: {error.message}"

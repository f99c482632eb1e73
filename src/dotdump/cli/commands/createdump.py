"""``dotdump createdump``: stands in for the runtime's createdump, with its command line, messages and exit codes.

The runtime starts it as its own child, for a crash or for a client's WriteDump, and passes what it writes to standard
error on to that client. Source of truth: createdump's help and messages, read from 8.0 and 10.0.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import suppress

from dotdump.cli.crash_report_file import write_crash_report, write_crash_report_to
from dotdump.cli.selection import process_id
from dotdump.dump.collect import Request, collect
from dotdump.dump.naming import crash_template, expand
from dotdump.dump.output import open_output
from dotdump.dump.own_method import OwnOptions, PtraceMethod
from dotdump.dump.place import find_place
from dotdump.dump.report_file import SUFFIX
from dotdump.dump.subject import Subject, name_facts
from dotdump.errors import DotdumpError
from dotdump.formats.core_notes import Siginfo
from dotdump.ipc.dump import DumpType
from dotdump.linux.proc import Proc
from dotdump.memory.space import ADDRESS_MASK
from dotdump.records import replace
from dotdump.report.table import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump createdump --full 4711                     what the runtime would start, by hand
  dotdump createdump --full --name /dumps/%e.%p 4711

docs/createdump.md says how to have runtimes start it."""

CONFLICT_HANDLER = "resolve"
"""-h is createdump's --withheap; --help stays ours."""
FAILED = 255
"""createdump returns -1 for every failure."""
USAGE = FAILED
"""For arguments that it does not take as well."""
PAGE = 4096
_WORDS = {
    DumpType.MINI: "minidump",
    DumpType.HEAP: "minidump with heap",
    DumpType.TRIAGE: "triage minidump",
    DumpType.FULL: "full dump",
}
"""What createdump calls its types."""
_TYPES = (
    (("-n", "--normal"), DumpType.MINI),
    (("-h", "--withheap"), DumpType.HEAP),
    (("-t", "--triage"), DumpType.TRIAGE),
    (("-u", "--full"), DumpType.FULL),
)

_SIGNAL = {
    "signal": "the signal that ended it",
    "code": "si_code of that signal",
    "errno": "si_errno of that signal",
    "address": "si_addr of that signal",
    "exception-record": "accepted: a core has no place for it",
}
"""What the runtime tells of a crash: names of options, and what they are in ``siginfo_t``."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, by the names that createdump gives them; -h is none of ours here."""
    parser.add_argument("pid", nargs="?", type=process_id, metavar="PID", help="the process; default: the parent")
    parser.add_argument("-f", "--name", metavar="PATH", help="template of the path; default: coredump.%%p in TMPDIR")
    for names, kind in _TYPES:
        text = _WORDS[kind] + (" (the default)" if kind is DumpType.HEAP else "")
        parser.add_argument(*names, dest="type", action="store_const", const=kind, default=DumpType.HEAP, help=text)
    parser.add_argument("-d", "--diag", action="store_true", help="accepted; there is nothing more to say")
    parser.add_argument("-v", "--verbose", action="store_true", help="accepted as --diag")
    parser.add_argument("-l", "--logtofile", metavar="FILE", help="write messages to a file instead of stdout")
    parser.add_argument("--crashreport", action="store_true", help="also write PATH.crashreport.json")
    parser.add_argument("--crashreportonly", action="store_true", help="write that and no dump")
    parser.add_argument("--singlefile", action="store_true", help="accepted: no DAC is needed in any case")
    parser.add_argument("--nativeaot", action="store_true", help="accepted: no DAC is needed in any case")
    parser.add_argument("--crashthread", type=_number, default=0, metavar="TID", help="the thread that crashed")
    for name, text in _SIGNAL.items():
        parser.add_argument(f"--{name}", type=_number, default=0, metavar="N", help=text)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Dump as createdump does; 0, or 255 for every failure."""
    log = _Log(console, arguments.logtofile)
    try:
        return _dump(arguments, log)
    finally:
        log.close()


class _Log:
    """Where createdump's messages go: stdout or a file for progress, stderr for errors.

    No dump fails for want of them: where they cannot be written they are let go.
    """

    def __init__(self, console: Console, path: str | None) -> None:
        self._console = console
        self._file: TextIO | None = None
        try:
            if path:
                self._file = open(path, "a", 1, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - held
        except OSError as error:
            self.complain(f"Can not create log file '{path}': {error.strerror} ({error.errno})")

    def say(self, text: str) -> None:
        line = printable(f"[createdump] {text}")
        if self._file is None:
            self._console.aside(line)
            return
        with suppress(OSError):
            self._file.write(f"{line}\n")

    def complain(self, text: str) -> None:
        self._console.note(f"[createdump] {text}")

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()


def _dump(arguments: argparse.Namespace, log: _Log) -> int:
    begun = time.monotonic()
    pid = arguments.pid or os.getppid()
    log.say(f"Gathering state for process {pid} {_name(pid)}")
    if arguments.signal:
        log.say(f"Crashing thread {arguments.crashthread:04x} signal {arguments.signal} ({arguments.signal:04x})")
    template = arguments.name or crash_template()
    try:
        (_write_report if arguments.crashreportonly else _write_core)(pid, template, arguments, log)
    except (DotdumpError, OSError) as error:
        log.complain(str(error))
        log.say(f"Failure took {_milliseconds(begun)}ms")
        return FAILED
    log.say("Target process is alive")
    log.say(f"Dump successfully written in {_milliseconds(begun)}ms")
    return 0


def _write_core(pid: int, template: str, arguments: argparse.Namespace, log: _Log) -> None:
    """Write a core, and its crash report where that was asked for."""
    path = expand(template, name_facts(Proc(pid).status()))
    log.say(f"Writing {_WORDS[arguments.type]} to file {path}")
    output = path.replace("%", "%%")
    result = collect(Request(pid, arguments.type, output=output, replace=True), _method(arguments))
    if arguments.crashreport:
        log.say(f"Crash report successfully written to {write_crash_report(result.path)}")
    for warning in result.warnings:
        log.complain(warning)
    log.say(f"Written {result.bytes} bytes ({result.bytes // PAGE} pages) to core file")


def _write_report(pid: int, template: str, arguments: argparse.Namespace, log: _Log) -> None:
    """Write the crash report that would lie beside the core, of a core that has no name and is given none."""
    with Subject.open(pid) as subject:
        core = find_place(template, subject.name_facts, replace=True)
    place = replace(core, name=f"{core.name}{SUFFIX}")
    with open_output(place) as nameless:
        path = f"/proc/{os.getpid()}/fd/{nameless.descriptor}"
        result = collect(Request(pid, DumpType.MINI, output=path), _method(arguments))
        report = write_crash_report_to(place, path)
    log.say(f"Crash report successfully written to {report}")
    for warning in result.warnings:
        log.complain(warning)


def _method(arguments: argparse.Namespace) -> PtraceMethod:
    return PtraceMethod(OwnOptions(buffer=0, gc_wait=0.0, first=arguments.crashthread, siginfo=_siginfo(arguments)))


def _siginfo(arguments: argparse.Namespace) -> Siginfo | None:
    if not arguments.signal:
        return None
    signal, code, errno = map(_as_int, (arguments.signal, arguments.code, arguments.errno))
    return Siginfo(signal, code, errno, address=arguments.address & ADDRESS_MASK)


def _as_int(number: int) -> int:
    """Return what an ``int`` of 32 bits makes of a number."""
    return (number + (1 << 31) & (1 << 32) - 1) - (1 << 31)


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
            return comm.read().rstrip("\n")
    except OSError:
        return ""


def _milliseconds(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None

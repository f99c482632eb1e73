"""What to do about a dump that a runtime refused: a hint for each way in which createdump is known to fail.

Knows texts only. Source of truth: the messages of createdump and of the runtime's diagnostics server, 3.1 to 10.
"""

from __future__ import annotations

from dotdump.ipc.commands import HResult

_TEXTS = (
    ("Too many open files", "the target may open no more files: --method ptrace needs none of its own"),
    (
        "fork() FAILED",
        "the target may start no process (ulimit -u, or its control group's pids.max): --method ptrace starts none",
    ),
    (
        "Problem launching createdump",
        "createdump is missing beside the runtime or may not be executed: chmod +x it, or use --method ptrace",
    ),
    (
        "Only full dumps are supported by single file",
        "a single-file program has no DAC beside it: its runtime takes Full dumps, --method ptrace any",
    ),
    ("No space left on device", "the disk is full: free some space, or write elsewhere with -o"),
    ("File too large", "the target's RLIMIT_FSIZE is too small: prlimit --fsize=unlimited --pid PID"),
    (
        "ptrace(ATTACH",
        "somebody already traces the process, or ptrace is forbidden: 'dotdump doctor -p PID' says what it is",
    ),
    ("Problem suspending thread", "'dotdump doctor -p PID' says what forbids ptrace there"),
    ("not have permissions or access", "createdump may not read its memory: 'dotdump doctor -p PID' says why"),
    ("Could not create output file", "the target's user may not write there: write elsewhere with -o"),
    (
        "InitializeDAC",
        "the DAC (libmscordaccore.so) is missing beside the runtime: --method ptrace and snapshot need none",
    ),
    ("libmscordaccore", "the DAC beside the runtime cannot be used: --method ptrace and snapshot need none"),
    ("CLRDataCreateInstance", "the DAC does not match the runtime: --method ptrace and snapshot need none"),
    ("EnumMemoryRegions", "the DAC could not read the runtime's state: try again, or use --method ptrace"),
    ("Error reading memory", "memory went away while it was read: try again, or use --method ptrace"),
)

_CODES = {
    HResult.E_FAIL: "this runtime does not say why (createdump told the target's standard error): "
    "'dotdump doctor -p PID' shows what stands in the way; NativeAOT cannot do it at all: use --method ptrace",
    HResult.NOT_SUPPORTED: "this runtime cannot dump itself: use --method ptrace",
    HResult.UNKNOWN_COMMAND: "this runtime knows no dump command: use --method ptrace",
    HResult.E_INVALIDARG: "the runtime did not like the type or the flags: try without --diag and --crashreport",
    HResult.BAD_ENCODING: "the runtime could not read the request: the path may be too long for it",
}


def advice_for(code: int, text: str) -> str | None:
    """Return a hint for the HRESULT and the text that came with it, or None where nothing is known."""
    for part, hint in _TEXTS:
        if part in text:
            return hint
    if text and code == HResult.E_FAIL:
        return "'dotdump doctor -p PID' shows what stands in the way; --method ptrace needs nothing of the runtime"
    return next((hint for known, hint in _CODES.items() if known == code), None)

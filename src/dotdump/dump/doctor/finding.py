"""``Finding``: what one check of the doctor says."""

from __future__ import annotations

from enum import StrEnum

from dotdump.records import record, replace


class Status(StrEnum):
    """How bad it is: a warning may stop a dump, or one way to take it where another is left; a problem stops it."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@record
class Finding:
    """``name`` of the check, what was ``seen``, and ``advice``: what to do, ``""`` where nothing needs to be done."""

    name: str
    status: Status
    seen: str
    advice: str = ""


def ok(name: str, seen: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(name, Status.OK, seen)


def warning(name: str, seen: str, advice: str) -> Finding:
    """Return a finding that may stop a dump, or make it worse."""
    return Finding(name, Status.WARNING, seen, advice)


def milder(finding: Finding) -> Finding:
    """Return a finding as a warning, if it is a problem."""
    return replace(finding, status=Status.WARNING) if finding.status is Status.PROBLEM else finding


def problem(name: str, seen: str, advice: str) -> Finding:
    """Return a finding that stops a dump."""
    return Finding(name, Status.PROBLEM, seen, advice)

"""Names of dumps: the default one, and templates as createdump knows them.

Nothing here looks at a file system. Text from the target (its name) and of the machine can be hostile and never
brings a path separator, a control character or a step upwards into a path.
Source: createdump's dump name format (``%p %d`` pid, ``%e`` name, ``%h`` host, ``%t`` seconds since 1970, ``%%``).
"""

from __future__ import annotations

import os

from dotdump.errors import OutputRefused
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@record
class NameFacts:
    """What a template can ask for. ``time`` in seconds since 1970."""

    pid: int
    executable: str
    host: str
    time: int


def default_name(pid: int) -> str:
    """Return the name of a dump for which none was given."""
    return f"core.{pid}"


def crash_template() -> str:
    """Return the template that createdump has where none is given: of a name in TMPDIR."""
    directory = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 -- createdump's own default
    return os.path.join(directory.replace("%", "%%"), "coredump.%p")


def numbered(name: str, attempts: int = 10_000) -> Iterator[str]:
    """Yield ``name``, then ``name-2``, ``name-3`` and so on."""
    yield name
    for number in range(2, attempts + 1):
        yield f"{name}-{number}"


def expand(template: str, facts: NameFacts) -> str:
    """Return ``template`` with its ``%`` specifiers filled in; raises ``OutputRefused`` for an unknown one."""
    values = {
        "p": str(facts.pid),
        "d": str(facts.pid),
        "e": harmless(facts.executable),
        "h": harmless(facts.host),
        "t": str(facts.time),
        "%": "%",
    }
    parts = []
    position = 0
    while (found := template.find("%", position)) >= 0:
        specifier = template[found + 1 : found + 2]
        if specifier not in values:
            raise OutputRefused(
                f"cannot write to {template!r}: %{specifier} is not a part of a dump name",
                hint="known are %p %d (pid), %e (name), %h (host), %t (seconds since 1970) and %% (a % sign)",
            )
        parts += [template[position:found], values[specifier]]
        position = found + 2
    return "".join(parts) + template[position:]


def harmless(text: str) -> str:
    """Return ``text`` as one component of a path: no separator, no control character, neither ``.`` nor ``..``."""
    cleaned = "".join("_" if character == "/" or not character.isprintable() else character for character in text)
    return "_" * max(1, len(cleaned)) if cleaned.strip(".") == "" else cleaned

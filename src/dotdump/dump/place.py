"""``Place``: the directory and the name that an output is to have, told from what the user wrote."""

from __future__ import annotations

import os

from dotdump.dump.naming import default_name, expand
from dotdump.errors import OutputRefused
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.naming import NameFacts

_LONGEST_NAME = 230
"""Bytes: NAME_MAX is 255, and a number, ``.partial`` or ``.crashreport.json`` may be added."""


@record
class Place:
    """Where an output file shall appear. ``numbered``: the name is ours to choose, so a taken one gets a number."""

    directory: str
    name: str
    numbered: bool = False
    replace: bool = False


def find_place(output: str | None, facts: NameFacts, *, replace: bool = False) -> Place:
    """Return the place that ``output`` means: None (here), an existing directory, or a file name, all templates."""
    if output is None:
        return Place(".", default_name(facts.pid), numbered=not replace, replace=replace)
    if not output or "\0" in output:
        raise OutputRefused(f"cannot write to {output!r}: that is no name of a file")
    path = expand(output, facts)
    if path.endswith("/") or os.path.isdir(path):
        return Place(path, default_name(facts.pid), numbered=not replace, replace=replace)
    directory, name = os.path.split(path)
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise OutputRefused(f"cannot write to {path!r}: the name has more than {_LONGEST_NAME} bytes")
    return Place(directory or ".", name, replace=replace)

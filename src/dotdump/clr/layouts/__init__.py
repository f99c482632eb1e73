"""Descriptors of ours, in the runtime's own form, for what a runtime does not say of itself.

One file each; which one fits is for the reader to say and to check against the memory. Where every number comes
from is written in docs/formats/clr-layouts.md.
"""

from __future__ import annotations

from functools import cache
from os.path import dirname, join

from dotdump.clr.descriptor import parse_descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.clr.descriptor import Descriptor


@cache
def load(name: str) -> Descriptor:
    """Return the layouts of the file ``NAME.json`` in this package; raises ``FileNotFoundError``."""
    with open(join(dirname(__file__), f"{name}.json"), "rb") as file:  # noqa: PTH118, PTH120, PTH123 - no pathlib here
        return parse_descriptor(file.read(), source=f"{name}.json")

"""Descriptors of ours, in the runtime's own form, for what a runtime does not say of itself.

One file each; which one fits is for the reader to say and to check against the memory. Where every number comes
from is written in docs/formats/clr-layouts.md.
"""

from __future__ import annotations

from functools import cache
from os.path import dirname, join
from typing import TYPE_CHECKING, cast

from dotdump.clr.descriptor import parse_descriptor

if TYPE_CHECKING:
    from importlib.abc import ResourceLoader

    from dotdump.clr.descriptor import Descriptor


@cache
def load(name: str) -> Descriptor:
    """Return the layouts of the file ``NAME.json`` in this package, which may lie in a zip file; raises ``OSError``."""
    loader = cast("ResourceLoader", __spec__.loader)
    return parse_descriptor(loader.get_data(join(dirname(__file__), f"{name}.json")), source=f"{name}.json")  # noqa: PTH118, PTH120 - no pathlib here

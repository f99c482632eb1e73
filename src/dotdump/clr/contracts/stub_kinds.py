"""Names of the stubs that a runtime makes, by the number that their range or the word before their code holds.

Source of truth: ``StubCodeBlockKind`` of codeman.h in 3.1, 8, 9 and 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess

_BEFORE_8 = {1: "jump stub", 2: "precode", 3: "dynamic helper"}
_SINCE_8 = {
    1: "jump stub",
    2: "precode",
    3: "dynamic helper",
    4: "stub precode",
    5: "fixup precode",
    6: "dispatch stub",
    7: "resolve stub",
    8: "lookup stub",
    9: "vtable stub",
}


def stub_kind_name(access: DataAccess, range_list: int = 0, *, number: int = 0) -> str:
    """Return what a stub is called: by its ``number``, or by that of the ``range_list`` it is in."""
    if range_list and access.has("CodeRangeMapRangeList", "RangeListType"):
        number = access.integer(range_list, "CodeRangeMapRangeList", "RangeListType", default="int32")
    names = _BEFORE_8 if 0 < access.major < 8 else _SINCE_8
    return names.get(number, "stub")

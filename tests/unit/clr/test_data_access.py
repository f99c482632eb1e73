from __future__ import annotations

import pytest

from builders.fake_access import fake_access
from dotdump.errors import UnsupportedRuntime
from dotdump.target.model import Problem


@pytest.mark.parametrize(
    ("kind", "said"),
    [("cut", "the core is cut, and what is left does not tell the global Nowhere"), ("notes", "no know")],
)
def test_what_a_cut_core_does_not_tell_is_no_lack_of_knowledge(kind: str, said: str) -> None:
    access, target = fake_access({})
    target.problems = (Problem(kind, "damaged"),)  # type: ignore[attr-defined] # cores alone have it
    with pytest.raises(UnsupportedRuntime, match=said):
        access.global_address("Nowhere")

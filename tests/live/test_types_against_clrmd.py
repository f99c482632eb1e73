"""Types and fields of real processes against ClrMD: names, bases, offsets, declared types."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

import dotdump
from corpus import Runtime, corpus, runtimes
from dotdump.clr.model.runtime import ClrRuntime
from peers import oracle
from type_witness import compare

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

THEIR_TYPES_WORK = [runtime for runtime in runtimes() if runtime.major >= 9]
"""On 3.1 and 8 ClrMD's DAC ends with a segmentation fault when it is asked for all static fields."""


@pytest.mark.parametrize("runtime", THEIR_TYPES_WORK, ids=lambda runtime: runtime.version)
def test_every_type_has_the_same_base_token_and_fields(runtime: Runtime, tmp_path: Path) -> None:
    with corpus(runtime, "all") as running:
        core = tmp_path / "core"
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(core), str(running.pid)]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    theirs = [json.loads(line) for line in oracle("types", core)]
    with dotdump.open_core(core) as target:
        clr = ClrRuntime.of(target)
        differences = [text for each in theirs for text in compare(each, clr.type_at(int(each["mt"], 16)))]
    core.unlink()
    assert len(theirs) > 200
    assert differences == []

"""What CONTRIBUTING asks of a suppression: that it names its rule, and says why."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUPPRESSION = re.compile(r"# (?:noqa|type: ignore)\b.*")
WITH_REASON = re.compile(r"# (?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[a-z, -]+\])\W.*[a-z].*")


def test_every_suppression_names_its_rule_and_says_why() -> None:
    files = [file for place in ("src", "tests", "bench", "scripts") for file in (ROOT / place).rglob("*.py")]
    assert len(files) > 100
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in files
        if file != Path(__file__)
        for match in SUPPRESSION.finditer(file.read_text())
    ]
    assert found
    assert not [line for line in found if not WITH_REASON.fullmatch(line.partition(": ")[2])]

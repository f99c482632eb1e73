"""Counts of trials and what came of them: a sample in the suite, the full count behind ``make faults``.

``DOTDUMP_FAULTS=full`` runs the full counts, a number that many of each at most. A counted run goes on where it was
stopped: what was done is kept in ``.faults/NAME.json`` (``DOTDUMP_FAULTS_STATE`` names another directory).
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CHOSEN = os.environ.get("DOTDUMP_FAULTS", "")
STATE = Path(os.environ.get("DOTDUMP_FAULTS_STATE", ".faults"))
SAVE_SECONDS = 1.0


class Ledger:
    """One line of the table: ``outcomes`` counted by word, and the trials that broke an invariant."""

    def __init__(self, name: str, *, full: int, sample: int) -> None:
        self.name = name
        self.full = full
        self.count = full if CHOSEN == "full" else min(full, int(CHOSEN)) if CHOSEN else sample
        self.outcomes: Counter[str] = Counter()
        self.broken: list[str] = []
        self._path = STATE / f"{name}.json"
        if CHOSEN and self._path.exists():
            kept = json.loads(self._path.read_text())
            self.outcomes.update(kept["outcomes"])
            self.broken = kept["broken"]

    @property
    def done(self) -> int:
        """Trials that have come to an end, broken ones included."""
        return self.outcomes.total() + len(self.broken)

    def run(self, trial: Callable[[int], str]) -> None:
        """Run the trials that are left; ``trial`` takes its number and returns a word, or fails an assertion."""
        saved = time.monotonic()
        while self.done < self.count:
            number = self.done
            try:
                self.outcomes[trial(number)] += 1
            except AssertionError as error:
                self.broken.append(f"trial {number}: {error}")
            if time.monotonic() - saved > SAVE_SECONDS:
                self._save()
                saved = time.monotonic()
        self._save()
        print(f"\n{self}")  # noqa: T201 (the table that make faults prints)

    def allow(self, broken: int = 0) -> None:
        """Fail where more than ``broken`` trials broke an invariant."""
        shown = "\n".join(self.broken[:10])
        assert len(self.broken) <= broken, f"{len(self.broken)} of {self.done} broke an invariant:\n{shown}"

    def __str__(self) -> str:
        words = ", ".join(f"{count} {word}" for word, count in sorted(self.outcomes.items()))
        return f"{self.name}: {self.done} trials, {len(self.broken)} broken ({words})"

    def _save(self) -> None:
        if CHOSEN:
            STATE.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps({"full": self.full, "outcomes": self.outcomes, "broken": self.broken}))

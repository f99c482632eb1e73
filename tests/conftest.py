"""What every test shares: how long Hypothesis looks for a counterexample, in the suite and in ``make fuzz``."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "fuzz", settings.get_profile("suite"), max_examples=int(os.environ.get("DOTDUMP_FUZZ_EXAMPLES", "20000"))
)
settings.load_profile("suite")

"""How many examples a property needs in the suite; a longer run says how many it wants of all."""

from __future__ import annotations

from hypothesis import settings

_OF_SUITE = settings.get_profile("suite").max_examples


def examples(number: int) -> settings:
    """Return settings with ``number`` examples in the suite, and in ``make fuzz`` with as many as were asked for."""
    asked = settings.default.max_examples if settings.default is not None else _OF_SUITE
    return settings(max_examples=number if asked == _OF_SUITE else asked)

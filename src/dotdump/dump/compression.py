"""Whether a core is compressed, and how hard: as it is asked for, or as the name of its file tells."""

SUFFIX = ".zst"
DEFAULT_LEVEL = 1
"""zstd's fastest ordinary level: higher ones take longer than the disk does."""


def level_for(name: str, level: int | None) -> int | None:
    """Return the level of zstd for an output of this name, ``level`` where one is asked for; None for a plain core."""
    return DEFAULT_LEVEL if level is None and name.endswith(SUFFIX) else level

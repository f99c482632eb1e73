"""Which versions of .NET are known: those whose structures were compared with other readers on real cores."""

KNOWN = ("3.1", "8.0", "9.0", "10.0")
NAMED = f"{', '.join(KNOWN[:-1])} and {KNOWN[-1]}"
"""All of them, in words."""


def is_known(version: str) -> bool:
    """Return whether ``version``, such as ``8.0.4``, is one of them; none that is empty."""
    return ".".join(version.split(".")[:2]) in KNOWN

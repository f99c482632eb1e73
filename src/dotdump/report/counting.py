"""Numbers of things in words."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return ``1 object`` or ``12,345 objects``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

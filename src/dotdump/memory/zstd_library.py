"""zstd, from the standard library where it has it, else from its backport: the same API under two names."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["zstd"]

"""Results as JSON: records and dataclasses become objects, with a ``schema`` key first.

Addresses are written as ``"0x…"`` strings by whoever builds the record; bytes as hexadecimal digits; enums by value;
what is no UTF-8 in a name as escapes.
"""

from __future__ import annotations

import json
from enum import Enum

from dotdump.records import as_dict


def render_json(schema: str, result: object) -> str:
    """Return ``result`` as one JSON object with ``schema`` (such as ``dotdump/ps/1``) as its first key."""
    body = plain(result)
    if not isinstance(body, dict):
        raise TypeError(f"a result is a record or a mapping, not {type(result).__name__}")
    return json.dumps({"schema": schema, **body}, indent=2, ensure_ascii=False)


def plain(value: object) -> object:
    """Return ``value`` as what ``json`` can write."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, str | int | float | bool):
        return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(type(value), "__match_args__"):
        return {key: plain(item) for key, item in as_dict(value).items()}
    raise TypeError(f"{type(value).__name__} has no JSON form")

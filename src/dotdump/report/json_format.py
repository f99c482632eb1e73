"""Results as JSON: records and dataclasses become objects, with a ``schema`` key first.

Addresses are written as ``"0x…"`` strings by whoever builds the record; bytes as hexadecimal digits; enums by value;
what is no UTF-8 in a name as escapes.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from json import JSONEncoder
from json.encoder import encode_basestring

from dotdump.records import as_dict, fields_of, values_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

_FORMS: dict[type, list[str]] = {}
"""What a record of each class has on its one line: between the keys, in every other place, go the values."""


def render_json(schema: str, result: object) -> str:
    """Return ``result`` as one JSON object with ``schema`` (such as ``dotdump/ps/1``) as its first key.

    What holds nothing but single values is on one line: the encoder that is quick writes lines, the one that indents
    takes ten times as long, and a dump has many rows.
    """
    members = _members(result)
    if not isinstance(members, dict):
        raise TypeError(f"a result is a record or a mapping, not {type(result).__name__}")
    parts: list[str] = []
    _write({"schema": schema, **members}, "", parts)
    return _encodable("".join(parts))


def json_line(value: object) -> str:
    """Return ``value`` as JSON on one line."""
    return _encodable(_encode(value))


def _write(members: dict[str, object] | list[object], indent: str, parts: list[str]) -> None:
    """Add the text of ``members`` over several lines."""
    brackets, inner = "{}" if isinstance(members, dict) else "[]", indent + "  "
    separator = f"{brackets[0]}\n{inner}"
    keys = _keys(members) if isinstance(members, dict) else [""] * len(members)
    for key, item in zip(keys, members.values() if isinstance(members, dict) else members, strict=True):
        parts.append(separator + key)
        line = _line(item)
        if line is not None:
            parts.append(line)
        elif within := _members(item):
            _write(within, inner, parts)
        separator = f",\n{inner}"
    parts.append(f"\n{indent}{brackets[1]}")


def _line(value: object) -> str | None:
    """Return ``value`` on one line; None where there is something in any of its members."""
    kind = value.__class__
    form = _FORMS.get(kind)
    if form is None and hasattr(kind, "__match_args__") and not isinstance(value, Enum):
        form = _FORMS[kind] = _form(fields_of(value))
    if form is not None:
        return _filled(form, values_of(value))
    members = _members(value)
    if members is None:
        return _encode(value)
    if isinstance(members, dict):
        return _filled(_form(members), members.values())
    texts = _texts(members)
    return None if texts is None else f"[{', '.join(texts)}]"


def _form(names: Iterable[str]) -> list[str]:
    """Return an object on one line, in parts, every other of which stands for a value."""
    form = ["{"]
    for key in _keys(names):
        form[-1] += key
        form += ["", ", "]
    return [*form[:-1], "}"] if len(form) > 1 else ["{}"]


def _filled(form: list[str], values: Collection[object]) -> str | None:
    """Return ``form`` with ``values``; None where there is something in one of them."""
    texts = _texts(values)
    if texts is None:
        return None
    line = form.copy()
    line[1::2] = texts
    return "".join(line)


def _keys(names: Iterable[str]) -> list[str]:
    return [_key(name) for name in names]


@lru_cache(1 << 10)
def _key(name: str) -> str:
    return f"{encode_basestring(name)}: "


def _texts(values: Collection[object]) -> list[str] | None:
    """Return each of ``values`` as text; None where there is something in one of them."""
    try:
        return [_SINGLE[value.__class__](value) for value in values]
    except KeyError:
        pass
    if any(_members(value) for value in values if _SINGLE.get(value.__class__, _nothing) is _nothing):
        return None
    return [_encode(value) for value in values]


def _members(value: object) -> dict[str, object] | list[object] | None:
    """Return what is in a record, a mapping or a sequence; None of anything else."""
    if isinstance(value, dict):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if hasattr(type(value), "__match_args__") and not isinstance(value, Enum):
        return as_dict(value)
    return None


def _plain(value: object) -> object:
    """Return what the encoder does not know as what it does."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    members = _members(value)
    if members is None:
        raise TypeError(f"{type(value).__name__} has no JSON form")
    return members


_encode = JSONEncoder(ensure_ascii=False, default=_plain).encode


def _nothing(value: tuple[object, ...]) -> str:
    """Return the text of a tuple with nothing in it; raises ``KeyError`` of others, as for types that are not known."""
    if value:
        raise KeyError
    return "[]"


_SINGLE: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: int.__repr__,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
    float: _encode,
    tuple: _nothing,
}
"""How a value of each type is written that has nothing in it."""


def _encodable(text: str) -> str:
    """Return ``text`` with escapes in place of halves of characters, which no UTF-8 has."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(f"\\\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text

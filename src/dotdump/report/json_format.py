"""Results as JSON: records and dataclasses become objects, with a ``schema`` key first.

Addresses are written as ``"0x…"`` strings by whoever builds the record; bytes as hexadecimal digits; enums by value;
what is no UTF-8 in a name as escapes.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from itertools import repeat
from json import JSONEncoder
from json.encoder import encode_basestring
from operator import attrgetter

from dotdump.records import RecordColumns, as_dict, fields_of, values_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any, TypeGuard

_CONTAINERS = (dict, list, tuple, set, frozenset)
_MANY = 8
"""Rows from which on columns take less time than one row after the other."""


def render_json(schema: str, result: object) -> str:
    """Return ``result`` as one JSON object with ``schema`` (such as ``dotdump/ps/1``) as its first key.

    What holds nothing but single values is on one line: the encoder that is quick writes lines, the one that indents
    takes ten times as long, and a dump has many rows. A class whose ``json_inline`` names its first field has the
    members of that field in its place; ``RecordColumns`` are written from their columns.
    """
    members = _members(result)
    if not isinstance(members, dict):
        raise TypeError(f"a result is a record or a mapping, not {type(result).__name__}")
    return encodable_json("".join(_Writer().pieces({"schema": schema, **members})))


def json_line(value: object) -> str:
    """Return ``value`` as JSON on one line."""
    return encodable_json(_encode(value))


class _Form:
    """An object with these members: templates for ``%``, with a place for each value.

    ``inline`` of its first values, one or none, are records whose own members are written in their place. ``leads``
    are what comes before each value on one line.
    """

    def __init__(self, names: Iterable[str], inline: str = "") -> None:
        self.inline = int(bool(inline))
        keys = ["" if name == inline else _key(name) for name in names]
        self.leads = [f"{', ' if number else '{'}{key}" for number, key in enumerate(keys)]
        self._places = [f"{key.replace('%', '%%')}%s" for key in keys]
        self.line = f"{{{', '.join(self._places)}}}"
        self._over_lines: dict[str, str] = {}

    def over_lines(self, indent: str) -> str:
        """Return the template with a line for each member, which ends at ``indent``."""
        found = self._over_lines.get(indent)
        if found is None:
            found = self._over_lines[indent] = _spread("{", self._places, "}", indent)
        return found


_FORMS: dict[type, _Form] = {}


class _Writer:
    """Makes the text of one result; what many of its records have inline is turned into text once.

    Records are told apart by where they are: the result keeps them alive.
    """

    def __init__(self) -> None:
        self._inlined: dict[int, str] = {}

    def pieces(self, members: dict[str, object]) -> Iterator[str]:
        """Yield the text of a result with a line for each member, or several; each row is a piece: they may be long."""
        before = "{\n  "
        for key, item in members.items():
            yield f"{before}{_key(key)}"
            rows = self._lines(item, "    ") if isinstance(item, list | tuple) or _has_columns(item) else None
            if rows is None:
                yield self._text(item, "  ")
            else:
                yield f"[\n    {rows[0]}"
                yield from (f",\n    {row}" for row in rows[1:])
                yield "\n  ]"
            before = ",\n  "
        yield "\n}"

    def _text(self, value: object, indent: str) -> str:
        """Return ``value`` on one line, or where there is something in any of its members, over several."""
        single = _SINGLE.get(value.__class__)
        if single is not None:
            return single(value)
        if _is_record(value):
            return self._record(value, indent)
        members = _members(value)
        if members is None:
            return _encode(value)
        if isinstance(members, dict):
            return self._filled(_Form(members), (*members.values(),), indent)
        return self._rows(members, indent)

    def _record(self, value: object, indent: str) -> str:
        form, values = _form_of(value), values_of(value)
        if not form.inline:
            return self._filled(form, values, indent)
        if any(map(_holds, values[1:])) or self._inline(values[:1]) is None:
            members = _fields(value)
            return self._filled(_Form(members), (*members.values(),), indent)
        return form.line % (self._inlined[id(values[0])], *map(_alone, values[1:]))

    def _filled(self, form: _Form, values: tuple[object, ...], indent: str) -> str:
        inner, several, texts = f"{indent}  ", False, []
        for item in values:
            single = _SINGLE.get(item.__class__)
            if single is not None:
                texts.append(single(item))
            elif _holds(item):
                several = True
                texts.append(self._text(item, inner))
            else:
                texts.append(_alone(item))
        return (form.over_lines(indent) if several else form.line) % (*texts,)

    def _rows(self, rows: Sequence[object], indent: str) -> str:
        """Return a sequence on one line, or where there is something in any of its rows, over several."""
        lines = self._lines(rows, f"{indent}  ")
        return f"[{', '.join(map(_alone, rows))}]" if lines is None else _spread("[", lines, "]", indent)

    def _lines(self, rows: Sequence[object], indent: str) -> list[str] | None:
        """Return the text of each row, or None where there is nothing in any."""
        if not any(map(_holds, rows)):
            return None
        return self._alike(rows) or [self._text(row, indent) for row in rows]

    def _alike(self, rows: Sequence[object]) -> list[str] | None:
        """Return each of ``rows`` on one line, made in columns.

        None where they are few, or not records of one class, or there is something in a member of any.
        """
        found = _columns_of(rows)
        if found is None:
            return None
        form = _form_of(rows[0])
        cells: list[Iterable[str]] = []
        for number, values in enumerate(found):
            texts = _column(values) if number >= form.inline else self._inline(values)
            if texts is None:
                return None
            cells += repeat(form.leads[number]), texts
        return [*map("".join, zip(*cells, repeat("}"), strict=False))]

    def _inline(self, records: Collection[object]) -> list[str] | None:
        """Return the members of each record as they stand in another; None where there is something in one of them."""
        known = self._inlined
        try:
            return [*map(known.__getitem__, map(id, records))]
        except KeyError:
            new = {id(one): one for one in records if id(one) not in known}
        if any(_holds(value) for one in new.values() for value in values_of(one)):
            return None
        known.update((place, self._record(one, "")[1:-1]) for place, one in new.items())
        return [known[id(one)] for one in records]


def _form_of(value: object) -> _Form:
    """Return the form of all records of this class."""
    form = _FORMS.get(value.__class__)
    if form is None:
        form = _FORMS[value.__class__] = _Form(fields_of(value), getattr(value, "json_inline", ""))
    return form


def _spread(start: str, items: Iterable[str], end: str, indent: str) -> str:
    """Return ``items`` a line each, two blanks further in than ``indent``."""
    inner = f"\n{indent}  "
    return f"{start}{inner}{f',{inner}'.join(items)}\n{indent}{end}"


@lru_cache(1 << 10)
def _key(name: str) -> str:
    return f"{encode_basestring(name)}: "


def _alone(value: object) -> str:
    """Return the text of a value with nothing in it."""
    return "[]" if isinstance(value, tuple) else _SINGLE.get(value.__class__, _encode)(value)


def _columns_of(rows: Sequence[object]) -> Iterable[Sequence[object]] | None:
    """Return the values of each field of records of one class, at hand or of many; None of anything else."""
    if isinstance(rows, RecordColumns):
        return rows.columns
    if len(rows) < _MANY or len(set(map(type, rows))) > 1 or not _is_record(rows[0]):
        return None
    return ([*map(attrgetter(name), rows)] for name in fields_of(rows[0]))


def _column(values: Collection[object]) -> Iterable[str] | None:
    """Return the text of each value; None where there is something in one of them."""
    kinds = set(map(type, values))
    if kinds == {tuple} and not any(values):
        return repeat("[]", len(values))
    if any(kind not in _SINGLE for kind in kinds) and any(map(_holds, values)):
        return None
    single = _SINGLE.get(kinds.pop()) if len(kinds) == 1 else None
    return map(single or _alone, values)


def _has_columns(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, RecordColumns)


def _holds(value: object) -> bool:
    """Return whether there is something in ``value``."""
    if isinstance(value, _CONTAINERS) or _has_columns(value):
        return len(value) > 0
    return _is_record(value)


def _is_record(value: object) -> bool:
    return hasattr(type(value), "__match_args__") and not isinstance(value, Enum)


def _members(value: object) -> dict[str, object] | Sequence[object] | None:
    """Return what is in a record, a mapping or a sequence; None of anything else."""
    if isinstance(value, dict):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if _has_columns(value):
        return value
    if _is_record(value):
        return _fields(value)
    return None


def _fields(value: object) -> dict[str, object]:
    """Return the fields of a record; those of the one that is inline in its place."""
    fields, inline = as_dict(value), getattr(value, "json_inline", "")
    return {**_fields(fields.pop(inline)), **fields} if inline else fields


def _plain(value: object) -> object:
    """Return what the encoder does not know as what it does."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    members = _members(value)
    if members is None:
        raise TypeError(f"{type(value).__name__} has no JSON form")
    return members if isinstance(members, dict) else list(members)


_encode = JSONEncoder(ensure_ascii=False, default=_plain).encode


_SINGLE: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: int.__repr__,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
    float: _encode,
}
"""How a value of each type is written that can have nothing in it."""


def encodable_json(text: str) -> str:
    """Return JSON with escapes in place of halves of characters, which no UTF-8 has and not every parser takes."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(f"\\\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text

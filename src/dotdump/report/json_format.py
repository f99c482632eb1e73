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

from dotdump.records import RecordColumns, as_dict, fields_of, record, values_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import Any, TypeGuard

_FORMS: dict[type, _Form] = {}
_CONTAINERS = (dict, list, tuple, set, frozenset)
_MANY = 8
"""Rows from which on columns take less time than one row after the other."""


@record
class _Form:
    """What a record of a class has on its one line: a template for ``%``, a place in it for each value.

    ``inline`` of its first values, one or none, are records whose own keys and values are written in their place.
    """

    template: str
    inline: int = 0


def render_json(schema: str, result: object) -> str:
    """Return ``result`` as one JSON object with ``schema`` (such as ``dotdump/ps/1``) as its first key.

    What holds nothing but single values is on one line: the encoder that is quick writes lines, the one that indents
    takes ten times as long, and a dump has many rows. A class whose ``json_inline`` names its first field has the
    members of that field in its place; ``RecordColumns`` are written from their columns.
    """
    members = _members(result)
    if not isinstance(members, dict):
        raise TypeError(f"a result is a record or a mapping, not {type(result).__name__}")
    writer = _Writer()
    writer.put_members("", {"schema": schema, **members}, "")
    return _encodable(writer.text)


def json_line(value: object) -> str:
    """Return ``value`` as JSON on one line."""
    return _encodable(_encode(value))


class _Writer:
    """Makes the text of one result; what many of its records have inline is turned into text once.

    Records are told apart by where they are: the result keeps them alive.
    """

    def __init__(self) -> None:
        self._inlined: dict[int, str] = {}
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        """All that was put."""
        return "".join(self._parts)

    def put_members(self, lead: str, members: dict[str, object] | Sequence[object], indent: str) -> None:
        """Put ``members`` over several lines, after ``lead``."""
        inner = f"{indent}  "
        between = f",\n{inner}"
        if isinstance(members, dict):
            lead, end = f"{lead}{{\n{inner}", "}"
            for key, item in members.items():
                self._put(f"{lead}{_key(key)}", item, inner)
                lead = between
        else:
            lead, end = f"{lead}[\n{inner}", "]"
            if (lines := self._alike(members)) is not None:
                self._parts += lead, between.join(lines)
            for item in members if lines is None else ():
                self._put(lead, item, inner)
                lead = between
        self._parts.append(f"\n{indent}{end}")

    def _put(self, lead: str, value: object, indent: str) -> None:
        """Put ``value`` on one line, or where there is something in any of its members, over several."""
        single = _SINGLE.get(value.__class__)
        if single is not None:
            self._parts.append(lead + single(value))
        elif not _has_rows(value) and (line := self._line(value)) is not None:
            self._parts.append(lead + line)
        else:
            self.put_members(lead, _members(value) or [], indent)

    def _alike(self, rows: Sequence[object]) -> list[str] | None:
        """Return each of ``rows`` on one line, made in columns.

        None where they are few, or not records of one known class, or there is something in a member of any.
        """
        found = _columns_of(rows)
        form = _FORMS.get(rows[0].__class__) if found is not None else None
        if form is None or found is None:
            return None
        columns: list[Iterable[str]] = []
        for values in found:
            texts = _column(values) if len(columns) >= form.inline else self._inline(values)
            if texts is None:
                return None
            columns.append(texts)
        return [*map(form.template.__mod__, zip(*columns, strict=True))]

    def _line(self, value: object) -> str | None:
        """Return ``value`` on one line; None where there is something in any of its members."""
        form = _FORMS.get(value.__class__)
        if form is None:
            return self._line_of_other(value)
        values = values_of(value)
        try:
            texts = [_ON_A_LINE[item.__class__](item) for item in values[form.inline :]]
            return form.template % ((self._inlined[id(values[0])], *texts) if form.inline else (*texts,))
        except ValueError:
            return None
        except KeyError:
            _ON_A_LINE.update((item.__class__, _nothing) for item in values if _has_columns(item))
            return self._filled(form, values)

    def _line_of_other(self, value: object) -> str | None:
        """Return what is no record, or the first one of its class, on one line."""
        members = _members(value)
        if members is None:
            return _encode(value)
        if _is_record(value):
            _FORMS[value.__class__] = _form(fields_of(value), getattr(value, "json_inline", ""))
            return self._line(value)
        if isinstance(members, dict):
            return self._filled(_form(members), tuple(members.values()))
        texts = _encoded(members)
        return None if texts is None else f"[{', '.join(texts)}]"

    def _filled(self, form: _Form, values: tuple[object, ...]) -> str | None:
        """Return ``form`` with ``values``; None where there is something in one of them."""
        inlined, texts = self._inline(values[: form.inline]), _encoded(values[form.inline :])
        return None if inlined is None or texts is None else form.template % (*inlined, *texts)

    def _inline(self, records: Collection[object]) -> list[str] | None:
        """Return the members of each record as they stand in another; None where there is something in one of them."""
        for place, found in {id(one): one for one in records if id(one) not in self._inlined}.items():
            line = self._line(found)
            if line is None:
                return None
            self._inlined[place] = line[1:-1]
        return [self._inlined[id(record)] for record in records]


def _form(names: Iterable[str], inline: str = "") -> _Form:
    """Return an object on one line; ``inline`` names the first of its members where that is written inline."""
    places = ["%s" if name == inline else _key(name).replace("%", "%%") + "%s" for name in names]
    return _Form(f"{{{', '.join(places)}}}", int(bool(inline)))


@lru_cache(1 << 10)
def _key(name: str) -> str:
    return f"{encode_basestring(name)}: "


def _encoded(values: Collection[object]) -> list[str] | None:
    """Return each of ``values`` as text; None where there is something in one of them."""
    if any(_holds(value) for value in values if value.__class__ not in _SINGLE):
        return None
    return [_SINGLE.get(value.__class__, _encode)(value) for value in values]


def _columns_of(rows: Sequence[object]) -> Iterable[Sequence[object]] | None:
    """Return the values of each field of records of one class, at hand or of many; None of anything else."""
    if isinstance(rows, RecordColumns):
        return rows.columns
    if len(rows) < _MANY or len(set(map(type, rows))) > 1 or not _is_record(rows[0]):
        return None
    return ([*map(attrgetter(name), rows)] for name in fields_of(rows[0]))


def _column(values: Collection[object]) -> Iterable[str] | None:
    """Return what ``_encoded`` does, at less cost where all of many are of one type."""
    kinds = set(map(type, values))
    if kinds == {tuple} and not any(values):
        return repeat("[]", len(values))
    single = _SINGLE.get(kinds.pop()) if len(kinds) == 1 else None
    return _encoded(values) if single is None else map(single, values)


def _has_rows(value: object) -> bool:
    """Return whether ``value`` is a sequence of what has something in it."""
    if isinstance(value, list | tuple):
        return len(value) > 0 and _holds(value[0])
    return _has_columns(value) and len(value) > 0


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


def _nothing(value: Sequence[object]) -> str:
    """Return the text of a sequence with nothing in it; raises ``ValueError`` of others."""
    if value:
        raise ValueError
    return "[]"


_SINGLE: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: int.__repr__,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
    float: _encode,
}
"""How a value of each type is written that can have nothing in it."""
_ON_A_LINE: dict[type, Callable[[Any], str]] = {**_SINGLE, tuple: _nothing}


def _encodable(text: str) -> str:
    """Return ``text`` with escapes in place of halves of characters, which no UTF-8 has."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(f"\\\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text

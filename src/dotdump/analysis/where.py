"""Conditions on objects: ``Id > 5 and Name ~ "x"``.

A name is a field or an automatic property, a path leads through objects and structs (``Order.Total.Amount``); what
starts with ``@`` is of the object itself: ``@size``, ``@address``, ``@type``, ``@length``, ``@generation``. Values
are numbers, text in quotes, ``true``, ``false``, ``null``; text beside a time is a time, ``Elapsed > "1.12:00:00"``.
``~`` searches a regular expression. ``and``, ``or``, ``not`` and parentheses join. What cannot be compared, and a field
that is not there, meets no condition.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from dotdump.analysis.comparison import compare
from dotdump.analysis.value_text import text_of
from dotdump.clr.contracts.native_aot_types import NO_FIELDS
from dotdump.clr.model.object import ClrObject
from dotdump.clr.model.value import ClrStruct, Unreadable, read_field
from dotdump.errors import ConditionError, DotdumpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.model.value import Value

Condition = Callable[[ClrObject], bool]
Operand = Callable[[ClrObject], "Value"]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?))
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<operator>==|!=|<=|>=|!~|&&|\|\||[=<>~!()])
    |(?P<name>@?[^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*))""",
    re.VERBOSE,
)
_WORDS = {"&&": "and", "||": "or", "!": "not", "==": "="}
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_DEPTH = 64
_ORDERED = ("<", "<=", ">", ">=")

SPECIAL: dict[str, Operand] = {
    "@size": lambda found: found.size,
    "@address": lambda found: found.address,
    "@type": lambda found: found.type.name,
    "@length": lambda found: found.length,
    "@generation": lambda found: found.generation,
}


class Where:
    """A condition. ``paths`` are the fields that it asks for; ``met`` those that some object has had so far."""

    def __init__(self, text: str) -> None:
        self.paths: set[str] = set()
        self.met: set[str] = set()
        self._condition = _Parser(text, self._operand).parse()

    def __call__(self, found: ClrObject) -> bool:
        return self._condition(found)

    @property
    def never_met(self) -> list[str]:
        """The fields that no object has had."""
        return sorted(self.paths - self.met)

    def _operand(self, name: str) -> Operand:
        if name.startswith("@"):
            if name not in SPECIAL:
                raise ConditionError(f"{name} is none of {', '.join(SPECIAL)}")
            return SPECIAL[name]
        self.paths.add(name)
        names = name.split(".")

        def read(found: ClrObject) -> Value:
            value = _along(found, names)
            if not isinstance(value, Unreadable):
                self.met.add(name)
            return value

        return read


def follow(found: ClrObject, path: str) -> Value:
    """Return the value at the end of a path of fields; ``Unreadable`` where it ends before."""
    return _along(found, path.split("."))


def _along(found: ClrObject, names: Sequence[str]) -> Value:
    value: Value = found
    for name in names:
        if value is None:
            return None
        field = value.type.find_field(name) if isinstance(value, ClrObject | ClrStruct) else None
        if field is None or not isinstance(value, ClrObject | ClrStruct):
            return Unreadable(f"no field {name}" if _keeps_fields(value) else NO_FIELDS)
        try:
            value = read_field(value.heap, field, value.address, interior=isinstance(value, ClrStruct))
        except DotdumpError as error:
            return Unreadable(str(error))
    if isinstance(value, ClrObject) and value.type.is_value_type:
        return value.boxed
    return value


def _keeps_fields(value: Value) -> bool:
    return not isinstance(value, ClrObject | ClrStruct) or value.type.keeps_fields


class _Parser:
    """Recursive descent over the tokens of a condition."""

    def __init__(self, text: str, operand: Callable[[str], Operand]) -> None:
        self._text = text
        self._operand_of = operand
        self._tokens = list(self._split())
        self._next = 0
        self._depth = 0

    def parse(self) -> Condition:
        condition = self._either()
        if self._next < len(self._tokens):
            raise self._wrong("the end, 'and' or 'or'")
        return condition

    def _split(self) -> list[tuple[str, str, int]]:
        tokens, position = [], 0
        text = self._text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise ConditionError(f"{text[position:].strip()[:20]!r} is not understood in {self._text!r}")
            tokens.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            position = match.end()
        return tokens

    def _peek(self) -> str:
        if self._next >= len(self._tokens):
            return ""
        kind, text, _ = self._tokens[self._next]
        return _WORDS.get(text, text) if kind in ("operator", "name") else ""

    def _take(self, word: str) -> bool:
        if self._peek() != word:
            return False
        self._next += 1
        return True

    def _either(self) -> Condition:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda found: any(part(found) for part in parts)

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda found: all(part(found) for part in parts)

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ConditionError(f"a condition nests more than {_DEPTH} deep")
        try:
            if self._take("not"):
                inner = self._one()
                return lambda found: not inner(found)
            if self._take("("):
                inner = self._either()
                if not self._take(")"):
                    raise self._wrong("')'")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Condition:
        left = self._operand()
        operator = self._peek()
        if operator not in ("=", "!=", "~", "!~", *_ORDERED):
            return lambda found: left(found) is True
        self._next += 1
        if operator in ("~", "!~"):
            return self._search(left, negated=operator == "!~")
        right = self._operand()
        return lambda found: compare(operator, left(found), right(found))

    def _search(self, left: Operand, *, negated: bool) -> Condition:
        text = self._constant()
        try:
            pattern = re.compile(_spelled(text))
        except (re.error, OverflowError, RecursionError) as error:
            raise ConditionError(f"{text!r} is no regular expression: {error}") from None

        def search(found: ClrObject) -> bool:
            value = left(found)
            known = value is not None and not isinstance(value, Unreadable | ClrObject | ClrStruct)
            return known and (pattern.search(_spelled(value)) is None) == negated

        return search

    def _operand(self) -> Operand:
        if self._next < len(self._tokens):
            kind, text, _ = self._tokens[self._next]
            if kind == "name" and text not in _LITERALS and text not in ("and", "or", "not"):
                self._next += 1
                return self._operand_of(text)
        value = self._constant()
        return lambda _found: value

    def _constant(self) -> str | int | float | bool | None:
        if self._next >= len(self._tokens):
            raise self._wrong("a field or a value")
        kind, text, _ = self._tokens[self._next]
        if kind == "number":
            value: str | int | float | bool | None = _number(text)
        elif kind == "text":
            value = re.sub(r"\\([\"'\\])", r"\1", text[1:-1])
        elif text in _LITERALS:
            value = _LITERALS[text]
        else:
            raise self._wrong("a field or a value")
        self._next += 1
        return value

    def _wrong(self, expected: str) -> ConditionError:
        if self._next < len(self._tokens):
            return ConditionError(f"{self._tokens[self._next][1]!r} where {expected} should be, in {self._text!r}")
        return ConditionError(f"{self._text!r} ends where {expected} should be")


def _spelled(value: Value) -> str:
    """Return a value as it is shown, text without its quotes."""
    return value if isinstance(value, str) else text_of(value)


def _number(text: str) -> int | float:
    if re.fullmatch(r"-?0[xX].*", text):
        return int(text, 16)
    try:
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    except ValueError:
        raise ConditionError(f"a number of {len(text)} digits is too long") from None

"""C# names out of the symbols of NativeAOT's types: ``_ZTV6String``, ``_ZTV20__Array<Corpus_Corpus_Node>``.

The compiler writes ``_`` for every character that a C identifier cannot have, so the way back is a guess: nested types
look like namespaces, and an assembly is told from a namespace by what both are usually called. Used only for types
that the program carries no metadata of. Source of truth: NativeAotNameMangler.cs of dotnet/runtime.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.type_names import brackets, with_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

_VTABLE = re.compile(r"_ZTV(\d{1,5})(.*)", re.DOTALL | re.ASCII)
_BOXED = "Boxed_"
_ARRAY, _MD_ARRAY = "__Array<", "__MDArray<"
_MOST_NESTING = 32
_SHORT = {
    "Bool": "Boolean",
    "UInt8": "Byte",
    "Int8": "SByte",
    **{
        name: name
        for name in (
            *("Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Char", "Double", "Single"),
            *("IntPtr", "UIntPtr", "Object", "String"),
        )
    },
}
"""What the compiler calls these types, and their names in ``System``."""

_PRIVATE = re.compile(
    r"S_P_(?:CoreLib|TypeLoader|Reflection_Execution|StackTraceMetadata|Uri|Xml_Linq|Xml|DataContractSerialization)_"
)
_ARITY = re.compile(r"(?<=[^_])_(\d{1,5})(?=[_+]|$)", re.ASCII)
_CLOSURE = re.compile(r"___c(?=$|__|`)")
_STATE_MACHINE = re.compile(r"__(\w+?)_d__(\d+)")


def type_of_symbol(symbol: str) -> str:
    """Return the type whose method table ``symbol`` marks; the symbol itself where it marks none in this form."""
    found = _VTABLE.fullmatch(symbol)
    if found is None or len(symbol) > limits.NAME_LENGTH or len(found[2].encode()) != int(found[1]):
        return symbol
    return _type(found[2].removeprefix(_BOXED), 0)


def _type(mangled: str, depth: int) -> str:
    if depth > _MOST_NESTING:
        return mangled
    if mangled in _SHORT:
        return f"System.{_SHORT[mangled]}"
    if mangled.startswith(_ARRAY) and mangled.endswith(">"):
        return _type(mangled[len(_ARRAY) : -1], depth + 1) + "[]"
    if mangled.startswith(_MD_ARRAY) and mangled.endswith(">"):
        element, _, rank = mangled[len(_MD_ARRAY) : -1].rpartition(",")
        return _type(element, depth + 1) + brackets(int(rank) if re.fullmatch(r"\d{1,2}", rank, re.ASCII) else 1)
    name, _, rest = mangled.partition("<")
    if rest in ("Pointer>", "ByRef>"):
        return _type(name, depth + 1) + ("*" if rest == "Pointer>" else "&")
    definition = _definition(name)
    return with_arguments(
        definition, [_type(part, depth + 1) for part in _arguments(definition, rest.removesuffix(">"))]
    )


def _definition(mangled: str) -> str:
    """Return the name of a definition, with arities behind `` ` ``, without its assembly."""
    text = _STATE_MACHINE.sub(r"+<\1>d\0\2", _without_assembly(mangled))
    text = _ARITY.sub(r"`\1", _CLOSURE.sub("+<>c", text))
    text = re.sub(r"(`\d+)_", r"\1+", text)  # what follows the arity of a type lies within it
    return re.sub(r"(?<=[^_])_(?=[^_])", ".", text).replace("\0", "__")


def _without_assembly(mangled: str) -> str:
    private = _PRIVATE.match(mangled)
    if private:
        return mangled[private.end() :]
    for place in reversed([found.start() for found in re.finditer("_", mangled)]):
        if mangled.startswith(mangled[: place + 1], place + 1):  # an assembly that is called as its namespace
            return mangled[place + 1 :]
    system = mangled.find("_System_", 1)
    if mangled.startswith(("System_", "Microsoft_")) and system > 0:
        return mangled[system + 1 :]
    return mangled.partition("_")[2] or mangled


def _arguments(definition: str, mangled: str) -> list[str]:
    """Return the arguments one by one, or all in one where it is not clear where each begins."""
    wanted = sum(int(arity) for arity in re.findall(r"`(\d{1,5})", definition))
    places = list(_boundaries(mangled))
    if not mangled or len(places) + 1 != wanted:
        return [mangled] if mangled else []
    edges = [-2, *places, len(mangled)]
    return [mangled[first + 2 : last] for first, last in pairwise(edges)]


def _boundaries(mangled: str) -> Iterator[int]:
    """Yield where ``__`` stands between two arguments, and is not within one."""
    depth = place = 0
    while place < len(mangled):
        depth += (mangled[place] == "<") - (mangled[place] == ">")
        rest = mangled[place + 2 :]
        starts = rest[:1].isupper() or rest.startswith((_ARRAY, _MD_ARRAY))
        if not depth and place and mangled.startswith("__", place) and starts:
            yield place
            place += 4 if rest.startswith("__") else 2
        else:
            place += 1

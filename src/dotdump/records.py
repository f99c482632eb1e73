"""Immutable records without the import cost of ``dataclasses``.

``@record`` behaves as ``@dataclass(frozen=True, slots=True)`` does, and type checkers are told so. It exists because
``import dataclasses`` alone costs more start-up time than ``dotdump ps`` may take in all (docs/decisions/0001).
What needs more (ordering, ``field()``, ``__post_init__``, a mutable or inherited one) is a dataclass; never both in one
module. Defaults must be immutable values.
"""

from __future__ import annotations

from abc import abstractmethod
from operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar, dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_: object):  # noqa: ANN201, D103 - it is typing's
        return lambda function: function


_VALUES: dict[type, Callable[[object], tuple[object, ...]]] = {}
"""What gives the fields of records of each class that was asked for them."""

_OFTEN = 50
"""Records of a class after which a compiled initialiser pays."""


@dataclass_transform(frozen_default=True, eq_default=True)
def record(cls: type[T]) -> type[T]:
    """Return ``cls`` rebuilt with ``__slots__`` and the methods of an immutable record, fields as annotated."""
    names = tuple(name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind))
    namespace = dict(cls.__dict__)
    defaults = {name: namespace.pop(name) for name in names if name in namespace}
    for gone in ("__dict__", "__weakref__"):
        namespace.pop(gone, None)
    values = _values_of(names)
    methods = {
        "__init__": _initialiser(names, defaults),
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__eq__": lambda self, other: type(other) is type(self) and values(other) == values(self),
        "__hash__": lambda self: hash(values(self)),
        "__repr__": _repr,
        "__reduce__": lambda self: (type(self), values(self)),
        "__match_args__": names,
        "__slots__": names,
    }
    for name, method in methods.items():
        if name in ("__slots__", "__init__") or name not in namespace or name == "__hash__":
            namespace[name] = method
    rebuilt: type[T] = type(cls).__call__(type(cls), cls.__name__, cls.__bases__, namespace)
    return rebuilt


class RecordColumns:
    """Base of a sequence of records of one class that keeps them as columns, one for each field in order."""

    __slots__ = ()

    @property
    @abstractmethod
    def columns(self) -> tuple[Sequence[object], ...]:
        """The values of each field."""


def replace(instance: T, **changes: object) -> T:
    """Return a copy of a record, or of a dataclass, with ``changes`` to its fields."""
    fields = dict(as_dict(instance), **changes)
    return type(instance)(**fields)


def as_dict(instance: object) -> dict[str, Any]:
    """Return the fields of a record by name, in order; values are not converted."""
    return dict(zip(fields_of(instance), values_of(instance), strict=True))


def values_of(instance: object) -> tuple[object, ...]:
    """Return the fields of a record, in order."""
    kind = type(instance)
    values = _VALUES.get(kind)
    if values is None:
        values = _VALUES[kind] = _values_of(fields_of(instance))
    return values(instance)


def fields_of(instance: object) -> tuple[str, ...]:
    """Return the names of a record's fields, in order."""
    names: tuple[str, ...] = type(instance).__match_args__  # type: ignore[attr-defined] # every record has it
    return names


def _initialiser(names: tuple[str, ...], defaults: dict[str, object]) -> object:
    """Return an ``__init__`` that needs no compiling; where many are made, one that is compiled takes its place."""
    assign = object.__setattr__
    made = 0

    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807 - it becomes a class's
        nonlocal made
        made += 1
        if made == _OFTEN:
            setattr(type(self), "__init__", _compiled_initialiser(type(self), names, defaults))  # noqa: B010 - mypy refuses to assign it
        owner = type(self).__name__
        if len(args) > len(names):
            raise TypeError(f"{owner} takes {len(names)} fields, not {len(args)}")
        for name, value in zip(names, args, strict=False):
            assign(self, name, value)
        for name in names[len(args) :]:
            if name in kwargs:
                assign(self, name, kwargs.pop(name))
            elif name in defaults:
                assign(self, name, defaults[name])
            else:
                raise TypeError(f"{owner} needs a value for {name!r}")
        if kwargs:
            raise TypeError(f"{owner} has no field to take {', '.join(map(repr, kwargs))}")

    return __init__


def _compiled_initialiser(cls: type, names: tuple[str, ...], defaults: dict[str, object]) -> object:
    """Return an ``__init__`` with a line for each field: it takes a third of the time, and a hundred to be compiled."""
    scope = {f"set_{name}": cls.__dict__[name].__set__ for name in names}
    scope |= {f"default_{name}": value for name, value in defaults.items()}
    parameters = ", ".join(f"{name}=default_{name}" if name in defaults else name for name in names)
    body = "; ".join(f"set_{name}(self, {name})" for name in names) or "pass"
    exec(f"def __init__(self, {parameters}): {body}", scope)  # noqa: S102 - names of fields alone
    return scope["__init__"]


def _values_of(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    """Return what gives the fields of a record as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _refuse(instance: object, name: str, *_: object) -> None:
    raise AttributeError(f"{type(instance).__name__} is immutable: {name!r} cannot be changed")


def _repr(instance: object) -> str:
    return f"{type(instance).__name__}({', '.join(f'{k}={v!r}' for k, v in as_dict(instance).items())})"

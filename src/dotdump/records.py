"""Immutable records without the import cost of ``dataclasses``.

``@record`` behaves as ``@dataclass(frozen=True, slots=True)`` does, and type checkers are told so. It exists because
``import dataclasses`` alone costs more start-up time than ``dotdump ps`` may take in all (docs/decisions/0001).
Code that is not on the path of ``ps``, ``collect`` and ``doctor`` may use either; never both in one module.
Not provided: ordering, ``field()``, ``__post_init__``, inheritance. Defaults must be immutable values.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeVar, dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_: object):  # noqa: ANN201, D103
        return lambda function: function


@dataclass_transform(frozen_default=True, eq_default=True)
def record(cls: type[T]) -> type[T]:
    """Return ``cls`` rebuilt with ``__slots__`` and the methods of an immutable record, fields as annotated."""
    names = tuple(name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind))
    namespace = dict(cls.__dict__)
    defaults = {name: namespace.pop(name) for name in names if name in namespace}
    for gone in ("__dict__", "__weakref__"):
        namespace.pop(gone, None)
    methods = {
        "__init__": _initialiser(cls.__name__, names, defaults),
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__eq__": _equal,
        "__hash__": lambda self: hash(tuple(_values(self))),
        "__repr__": _repr,
        "__reduce__": lambda self: (type(self), tuple(_values(self))),
        "__match_args__": names,
        "__slots__": names,
    }
    for name, method in methods.items():
        if name in ("__slots__", "__init__") or name not in namespace or name == "__hash__":
            namespace[name] = method
    rebuilt: type[T] = type(cls).__call__(type(cls), cls.__name__, cls.__bases__, namespace)
    return rebuilt


def replace(instance: T, **changes: object) -> T:
    """Return a copy of a record with ``changes`` to its fields."""
    fields = dict(as_dict(instance), **changes)
    return type(instance)(**fields)


def as_dict(instance: object) -> dict[str, Any]:
    """Return the fields of a record by name, in order; values are not converted."""
    return dict(zip(fields_of(instance), _values(instance), strict=True))


def fields_of(instance: object) -> tuple[str, ...]:
    """Return the names of a record's fields, in order."""
    names: tuple[str, ...] = type(instance).__match_args__  # type: ignore[attr-defined]
    return names


def _initialiser(owner: str, names: tuple[str, ...], defaults: dict[str, object]) -> object:
    assign = object.__setattr__

    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807
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


def _values(instance: object) -> Iterator[object]:
    return (getattr(instance, name) for name in fields_of(instance))


def _refuse(instance: object, name: str, *_: object) -> None:
    raise AttributeError(f"{type(instance).__name__} is immutable: {name!r} cannot be changed")


def _equal(instance: object, other: object) -> bool:
    if type(other) is not type(instance):
        return False
    return tuple(_values(instance)) == tuple(_values(other))


def _repr(instance: object) -> str:
    return f"{type(instance).__name__}({', '.join(f'{k}={v!r}' for k, v in as_dict(instance).items())})"

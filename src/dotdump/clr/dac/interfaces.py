"""The COM interfaces between the DAC and whoever drives it, as far as used: identifiers, slots, kinds of arguments.

Knows no calls. Source of truth: src/shared/pal/prebuilt/inc/{clrdata,sospriv,xclrdata}.h of dotnet/diagnostics; the
slots are the same from 3.1 to 10.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Method(NamedTuple):
    """Its place in the table, and its arguments behind ``this``: ``p`` pointer, ``Q`` 64 bits, ``I`` 32 bits."""

    slot: int
    arguments: str


class Interface(NamedTuple):
    """An interface by its IID; ``size`` is the number of slots, of those that we implement."""

    iid: str
    methods: Mapping[str, Method]
    size: int = 0

    @property
    def guid(self) -> bytes:
        """The IID as it lies in memory."""
        return uuid.UUID(self.iid).bytes_le


UNKNOWN = {"QueryInterface": Method(0, "pp"), "AddRef": Method(1, ""), "Release": Method(2, "")}
IID_UNKNOWN = uuid.UUID("00000000-0000-0000-c000-000000000046").bytes_le


def _interface(iid: str, size: int = 0, **methods: tuple[int, str]) -> Interface:
    return Interface(iid, UNKNOWN | {name: Method(*place) for name, place in methods.items()}, size)


PROCESS = _interface(
    "5c552ab6-fc09-4cb3-8e36-22fa03c798b7",
    GetTaskByOSThreadID=(7, "Ip"),
)
TASK = _interface("a5b0beea-ec62-4618-8012-a24ffc23934c", CreateStackWalk=(11, "Ip"))
STACK_WALK = _interface(
    "e59d8d22-ada7-49a2-89b5-a415afcfc95f", GetContext=(3, "IIpp"), Next=(5, ""), Request=(9, "IIpIp")
)
SOS = _interface(
    "436f00f2-b42a-4b9f-870c-e73db66ae930",
    GetThreadStoreData=(3, "p"),
    GetThreadData=(17, "Qp"),
    GetMethodDescPtrFromIP=(21, "Qp"),
    GetMethodDescName=(22, "QIpp"),
    GetMethodDescPtrFromFrame=(23, "Qp"),
    GetMethodTableName=(36, "QIpp"),
    GetFrameName=(43, "QIpp"),
    GetHandleEnum=(61, "p"),
    GetStackReferences=(79, "Ip"),
)
HANDLES = _interface("3e269830-4a2b-4301-8ee2-d6805b29b2fa", Next=(6, "Ipp"))
STACK_REFERENCES = _interface("8fa642bd-9f10-4799-9aa3-512ae78c77ee", Next=(6, "Ipp"))

DATA_TARGET = _interface(
    "3e11ccee-d08b-43e5-af01-32717a64da03",
    14,
    GetMachineType=(3, "p"),
    GetPointerSize=(4, "p"),
    GetImageBase=(5, "pp"),
    ReadVirtual=(6, "QpIp"),
    GetThreadContext=(11, "IIIp"),
)
RUNTIME_LOCATOR = _interface("b760bf44-9377-4597-8be7-58083bdc5146", 4, GetRuntimeBase=(3, "p"))

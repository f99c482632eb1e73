"""What the DAC fills in: ctypes structures as ``dacprivate.h`` and ``sospriv.h`` of dotnet/diagnostics lay them out.

The sizes are frozen there: ``DacpThreadData`` 0x68, ``DacpThreadStoreData`` 0x38.
"""

from __future__ import annotations

import ctypes

_U32, _I32, _U64 = ctypes.c_uint32, ctypes.c_int32, ctypes.c_uint64


class ThreadStoreData(ctypes.Structure):
    """``DacpThreadStoreData``."""

    _fields_ = (
        ("thread_count", _I32),
        ("unstarted_count", _I32),
        ("background_count", _I32),
        ("pending_count", _I32),
        ("dead_count", _I32),
        ("first_thread", _U64),
        ("finalizer_thread", _U64),
        ("gc_thread", _U64),
        ("host_config", _U32),
    )


class ThreadData(ctypes.Structure):
    """``DacpThreadData``."""

    _fields_ = (
        ("managed_id", _U32),
        ("os_id", _U32),
        ("state", _U32),
        ("cooperative", _U32),
        ("allocation_pointer", _U64),
        ("allocation_limit", _U64),
        ("context", _U64),
        ("domain", _U64),
        ("frame", _U64),
        ("lock_count", _U32),
        ("first_nested_exception", _U64),
        ("teb", _U64),
        ("fiber_data", _U64),
        ("last_thrown_object_handle", _U64),
        ("next_thread", _U64),
    )


class HandleData(ctypes.Structure):
    """``SOSHandleData``."""

    _fields_ = (
        ("app_domain", _U64),
        ("handle", _U64),
        ("secondary", _U64),
        ("type", _U32),
        ("strong", _I32),
        ("reference_count", _U32),
        ("jupiter_reference_count", _U32),
        ("is_pegged", _I32),
    )


class StackReference(ctypes.Structure):
    """``SOSStackRefData``; bit 0 of ``flags`` is interior, bit 1 pinned."""

    _fields_ = (
        ("has_register", _I32),
        ("register", _I32),
        ("offset", _I32),
        ("address", _U64),
        ("object", _U64),
        ("flags", _U32),
        ("source_type", _I32),
        ("source", _U64),
        ("stack_pointer", _U64),
    )

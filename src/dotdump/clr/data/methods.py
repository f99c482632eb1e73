"""Structures that describe methods, and types that only methods have.

Source of truth: method.hpp, codeversion.h and typedesc.h of each version; the descriptors of 9 and 10.
"""

from __future__ import annotations

from dotdump.clr.data.struct import Field, Struct


class MethodDesc(Struct):
    """A method; its chunk lies before it, ``chunk_index`` units away."""

    layout = "MethodDesc"
    token_remainder = Field("Flags3AndTokenRemainder", kind="uint16")
    chunk_index = Field("ChunkIndex", kind="uint8")
    slot = Field("Slot", kind="uint16")
    flags = Field("Flags", kind="uint16")


class MethodDescChunk(Struct):
    """What methods of one type that lie together have in common; ``count`` is one less than there are.

    ``size`` is that of all of them in units of 8 bytes, less one.
    """

    layout = "MethodDescChunk"
    method_table = Field("MethodTable")
    flags_and_token_range = Field("FlagsAndTokenRange", kind="uint16")
    size = Field("Size", kind="uint8")
    count = Field("Count", kind="uint8")


class MethodDescCodeData(Struct):
    """What a method has of its code, from 9 on."""

    layout = "MethodDescCodeData"
    versioning_state = Field("VersioningState")


class MethodDescVersioningState(Struct):
    """The versions of a method's code, the newest first."""

    layout = "MethodDescVersioningState"
    first_version = Field("NativeCodeVersionNode")


class NativeCodeVersionNode(Struct):
    """A version of a method's code."""

    layout = "NativeCodeVersionNode"
    next = Field("Next")


class InstantiatedMethodDesc(Struct):
    """An instance of a generic method."""

    layout = "InstantiatedMethodDesc"
    arguments = Field("PerInstInfo")
    flags = Field("Flags2", kind="uint16")
    argument_count = Field("NumGenericArgs", kind="uint16")


class StoredSigMethodDesc(Struct):
    """A method that carries its signature: those of arrays, stubs and ``DynamicMethod``."""

    layout = "StoredSigMethodDesc"
    signature = Field("Sig")
    signature_size = Field("cSig", kind="uint32")
    extended_flags = Field("ExtendedFlags", kind="uint32")


class DynamicMethodDesc(Struct):
    """A method without metadata."""

    layout = "DynamicMethodDesc"
    name = Field("MethodName")


class TypeVarTypeDesc(Struct):
    """A generic parameter, by the token of its GenericParam."""

    layout = "TypeVarTypeDesc"
    module = Field("Module")
    token = Field("Token", kind="uint32")


class FnPtrTypeDesc(Struct):
    """A function pointer; ``types`` is the address of its return type's handle, the parameters' behind it."""

    layout = "FnPtrTypeDesc"
    parameter_count = Field("NumArgs", kind="uint32")
    convention = Field("CallConv", kind="uint32")

"""``IoVector``: where bytes are and how many, as several system calls are told it. Source: readv(2)."""

import ctypes


class IoVector(ctypes.Structure):
    """``struct iovec``."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef int _EXECUTE, _WRITE, _READ, _SHARED
cdef int _NEWLINE, _SPACE, _DASH, _COLON

@cython.locals(
    size=Py_ssize_t, most=Py_ssize_t, position=Py_ssize_t, row=Py_ssize_t, named=Py_ssize_t, path=Py_ssize_t,
)
cpdef Py_ssize_t parse_lines(const uint8_t[::1] text, uint64_t[::1] columns, uint8_t[::1] rights) except? -1

@cython.locals(size=Py_ssize_t, most=Py_ssize_t, major=uint64_t, minor=uint64_t)
cdef Py_ssize_t _parse_line(
    const uint8_t[::1] text, Py_ssize_t at, uint64_t[::1] columns, uint8_t[::1] rights, Py_ssize_t row
) except -1

@cython.locals(size=Py_ssize_t, value=uint64_t, begin=Py_ssize_t, most=uint64_t, last=uint64_t, digit=uint64_t)
cdef Py_ssize_t _number(
    const uint8_t[::1] text, Py_ssize_t at, int before, uint64_t base, uint64_t[::1] columns, Py_ssize_t place
) except -1

@cython.locals(bad=Py_ssize_t, readable=bint, writable=bint, executable=bint, shared=bint)
cdef Py_ssize_t _rights(const uint8_t[::1] text, Py_ssize_t at, uint8_t[::1] rights, Py_ssize_t row) except -1

@cython.locals(
    size=Py_ssize_t, filled=Py_ssize_t, header=Py_ssize_t, flags=Py_ssize_t, end=Py_ssize_t, resident=Py_ssize_t,
    kilobytes=int64_t,
)
cpdef Py_ssize_t sum_uses(
    const uint8_t[::1] text, Py_ssize_t position, int64_t[::1] state, int64_t[::1] rows
) except -1

cdef Py_ssize_t _line_end(const uint8_t[::1] text, Py_ssize_t at) except -1

cdef Py_ssize_t _flags_at(const uint8_t[::1] text, Py_ssize_t at, Py_ssize_t guess) except -1

cdef bint _has_flags(const uint8_t[::1] text, Py_ssize_t at) except -1

cdef Py_ssize_t _resident_at(const uint8_t[::1] text, Py_ssize_t at, Py_ssize_t guess, Py_ssize_t end) except -1

cdef bint _has_resident(const uint8_t[::1] text, Py_ssize_t at) except -1

@cython.locals(begin=Py_ssize_t, value=int64_t)
cdef int64_t _kilobytes(const uint8_t[::1] text, Py_ssize_t at, Py_ssize_t end) except? -1

cdef bint _is_private(const uint8_t[::1] text, Py_ssize_t at, Py_ssize_t end) except -1

@cython.locals(first=int, second=int)
cdef bint _is_usual(const uint8_t[::1] text, Py_ssize_t at, Py_ssize_t end) except -1

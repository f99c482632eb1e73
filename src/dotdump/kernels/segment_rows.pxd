cimport cython
from libc.stdint cimport uint8_t, uint64_t

cdef uint64_t _MOST

@cython.locals(total=uint64_t, row=Py_ssize_t)
cpdef uint64_t total_size(
    const uint64_t[::1] starts, const uint64_t[::1] ends, const uint8_t[::1] chosen
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(row=Py_ssize_t)
cpdef Py_ssize_t measure(const uint64_t[::1] starts, const uint64_t[::1] ends, uint64_t[::1] sizes) except -1

@cython.locals(bits=uint64_t, row=Py_ssize_t)
cpdef uint64_t all_bits(const uint64_t[::1] starts, const uint64_t[::1] sizes) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(filled=Py_ssize_t, joins=int, row=Py_ssize_t, kind=int)
cpdef Py_ssize_t join(
    const uint64_t[::1] starts, const uint64_t[::1] ends, const uint8_t[::1] kinds, uint64_t[::1] spans
) except -1

@cython.locals(row=Py_ssize_t)
cpdef uint64_t place(
    const uint64_t[::1] starts, const uint64_t[::1] sizes, const uint8_t[::1] shares,
    uint64_t position, uint64_t shared, uint64_t page, uint64_t[::1] offsets,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(filled=Py_ssize_t, row=Py_ssize_t, start=uint64_t, end=uint64_t, offset=uint64_t, size=uint64_t,
               follows=int)
cpdef Py_ssize_t find_extents(
    const uint64_t[::1] starts, const uint64_t[::1] sizes, const uint64_t[::1] offsets, uint64_t apart,
    uint64_t[::1] extents,
) except -1

@cython.locals(filled=Py_ssize_t, row=Py_ssize_t)
cpdef Py_ssize_t find_kind(
    const uint64_t[::1] table, Py_ssize_t width, uint64_t kind, uint64_t[::1] rows
) except -1

@cython.locals(falls=Py_ssize_t, index=Py_ssize_t)
cpdef Py_ssize_t gather(
    const uint64_t[::1] table, Py_ssize_t width, Py_ssize_t place, const uint64_t[::1] rows, uint64_t[::1] column
) except -1

@cython.locals(
    overlapping=uint64_t, overlong=uint64_t, held=uint64_t, last=uint64_t, reached=uint64_t, end=uint64_t,
    row=Py_ssize_t,
)
cpdef Py_ssize_t add_up(
    const uint64_t[::1] starts, const uint64_t[::1] sizes, const uint64_t[::1] stored, const uint64_t[::1] offsets,
    uint64_t[::1] found,
) except -1

cdef uint64_t _sum(uint64_t left, uint64_t right) noexcept

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

ctypedef fused size_column:
    uint32_t
    uint64_t

cdef uint64_t _MARKS, _MULTIPLIER, _ALL, _LOW, _SMALLEST
cdef uint64_t _INVALID, _DONE, _UNKNOWN_TYPE, _INVALID_TYPE, _TOO_LONG, _FULL
cdef int _SHIFT

@cython.locals(slot=uint64_t)
cpdef uint64_t slot_of(const uint64_t[::1] table, uint64_t mask, uint64_t method_table) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(size=uint64_t)
cdef uint64_t _extent(
    const uint64_t[::1] words, uint64_t position, uint64_t end, const uint64_t[::1] table, uint64_t entry
) except? 0xFFFFFFFFFFFFFFFF

cdef uint64_t _obstacle(const uint64_t[::1] table, uint64_t entry) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(
    mask=uint64_t, position=uint64_t, previous=uint64_t, count=uint64_t, reason=uint64_t, entry=uint64_t,
    size=uint64_t, kind=uint64_t,
)
cpdef uint64_t count_objects(
    const uint64_t[::1] words, uint64_t start, uint64_t end, const uint64_t[::1] table,
    uint64_t[::1] counts, uint64_t[::1] sizes, uint64_t[::1] stop,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(
    mask=uint64_t, position=uint64_t, previous=uint64_t, row=uint64_t, rows=uint64_t, reason=uint64_t,
    entry=uint64_t, size=uint64_t,
)
cpdef uint64_t list_objects(
    const uint64_t[::1] words, uint64_t start, uint64_t end, const uint64_t[::1] table, uint64_t base,
    uint64_t first, uint64_t[::1] addresses, uint32_t[::1] types, size_column[::1] sizes, uint64_t[::1] stop,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(
    mask=uint64_t, position=uint64_t, previous=uint64_t, row=uint64_t, rows=uint64_t, kinds=uint64_t, reason=uint64_t,
    entry=uint64_t, size=uint64_t, kind=uint64_t, header=uint64_t,
)
cpdef uint64_t select_objects(
    const uint64_t[::1] words, uint64_t start, uint64_t end, const uint64_t[::1] table, uint64_t base, uint64_t before,
    const uint8_t[::1] wanted, uint64_t unset, uint64_t marked, uint64_t first, uint64_t[::1] addresses,
    uint32_t[::1] types, uint64_t[::1] sizes, uint64_t[::1] stop,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(
    mask=uint64_t, position=uint64_t, follow=uint64_t, found=uint64_t, word=uint64_t, entry=uint64_t, size=uint64_t,
)
cpdef uint64_t find_object(
    const uint64_t[::1] words, uint64_t start, uint64_t end, const uint64_t[::1] table, uint64_t lowest,
    uint64_t highest, uint64_t chain, uint64_t[::1] stop,
) except? 0xFFFFFFFFFFFFFFFF

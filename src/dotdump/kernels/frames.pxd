cimport cython
from libc.stdint cimport uint64_t

cdef uint64_t _KNOWN, _ONE, _COUNT, _MULTIPLIER, _ALL
cdef int _SHIFT

@cython.locals(slot=uint64_t)
cpdef uint64_t slot_of(const uint64_t[::1] table, uint64_t mask, uint64_t pc) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(
    mask=uint64_t, size=uint64_t, rows=uint64_t, row=uint64_t, pc=uint64_t, sp=uint64_t, entry=uint64_t,
    place=uint64_t, count=uint64_t, above=uint64_t,
)
cpdef uint64_t follow(
    const uint64_t[::1] words, uint64_t base, const uint64_t[::1] table, const uint64_t[::1] restored,
    uint64_t[::1] registers, uint64_t pc_number, uint64_t sp_number, uint64_t limit,
    uint64_t[::1] pcs, uint64_t[::1] sps,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(step=uint64_t, number=uint64_t)
cdef int _restore(
    const uint64_t[::1] words, uint64_t index, const uint64_t[::1] restored, uint64_t first, uint64_t count,
    uint64_t[::1] registers,
) except -1

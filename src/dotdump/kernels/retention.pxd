cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef uint32_t _ROOT, _NONE

@cython.locals(nodes=uint64_t, row=uint64_t, above=uint64_t)
cpdef int link_children(
    const uint32_t[::1] dominators, uint32_t[::1] first, uint32_t[::1] following
) except -1

@cython.locals(current=uint32_t, row=uint32_t, kind=uint32_t)
cpdef int retained_by_type(
    const uint32_t[::1] dominators, const uint32_t[::1] first, const uint32_t[::1] following,
    const uint32_t[::1] type_ids, const uint64_t[::1] retained, uint32_t[::1] opened, uint64_t[::1] counts,
    uint64_t[::1] totals,
) except -1

@cython.locals(found=uint64_t, row=uint32_t)
cpdef uint64_t add_children(
    uint32_t current, const uint32_t[::1] following, const uint32_t[::1] type_ids, const uint64_t[::1] retained,
    uint64_t[::1] counts, uint64_t[::1] totals,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(point=uint32_t, length=uint64_t, best=uint64_t, child=uint32_t, current=uint32_t)
cpdef uint32_t accumulation_point(
    uint32_t row, const uint32_t[::1] first, const uint32_t[::1] following, const uint32_t[::1] type_ids,
    const uint64_t[::1] retained, uint64_t percent, uint64_t[::1] chain,
) except? 0xFFFFFFFF

@cython.locals(count=uint64_t, found=uint64_t, row=uint64_t, end=uint64_t)
cpdef uint64_t find_largest(
    const uint64_t[::1] values, const uint32_t[::1] type_ids, const uint8_t[::1] wanted, uint32_t[::1] rows,
    uint64_t[::1] state,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(count=uint64_t, found=uint64_t, row=uint32_t)
cpdef uint64_t find_largest_children(
    uint32_t current, const uint32_t[::1] following, const uint64_t[::1] values, const uint32_t[::1] type_ids,
    const uint8_t[::1] wanted, uint32_t[::1] rows, uint64_t[::1] state,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(room=uint64_t)
cdef uint64_t _keep(
    const uint64_t[::1] values, uint32_t row, uint32_t[::1] rows, uint64_t count
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(place=uint64_t)
cdef int _make_heap(const uint64_t[::1] values, uint32_t[::1] rows, uint64_t count) except -1

@cython.locals(row=uint32_t, child=uint64_t)
cdef int _sink(const uint64_t[::1] values, uint32_t[::1] rows, uint64_t place, uint64_t count) except -1

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

ctypedef fused size_column:
    uint32_t
    uint64_t

ctypedef fused other_size_column:
    uint32_t
    uint64_t

@cython.locals(row=uint64_t)
cpdef object count_types(
    uint64_t last, const uint32_t[::1] type_ids, const size_column[::1] sizes, uint64_t[::1] counts,
    uint64_t[::1] totals,
)

@cython.locals(found=uint64_t, row=uint64_t)
cpdef uint64_t count_rows(
    uint64_t first, uint64_t last, const uint32_t[::1] type_ids, const size_column[::1] sizes,
    const uint32_t[::1] marks, bint marked, uint64_t[::1] counts, uint64_t[::1] totals,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(row=uint64_t, other=uint64_t, rows=uint64_t, other_rows=uint64_t, same=uint64_t, address=uint64_t)
cpdef uint64_t match_rows(
    const uint64_t[::1] addresses, const uint32_t[::1] type_ids, const size_column[::1] sizes,
    const uint32_t[::1] others, const uint64_t[::1] other_addresses, const uint32_t[::1] other_type_ids,
    const other_size_column[::1] other_sizes, uint8_t[::1] marks, uint64_t[::1] counts,
) except? 0xFFFFFFFFFFFFFFFF

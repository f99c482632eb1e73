cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

ctypedef fused size_column:
    uint32_t
    uint64_t

ctypedef fused offset_column:
    uint32_t
    uint64_t

cdef uint64_t _PAIRS, _BITS, _ONE, _NONE, _ODD, _PAIR_MASK, _NIBBLES, _BYTES, _ALL, _BLOCK_MARKS
cdef int _BLOCK_SHIFT

@cython.locals(row=uint64_t, done=uint64_t, distance=uint64_t, block=uint64_t, pair=uint64_t)
cpdef uint64_t mark_objects(
    const uint64_t[::1] addresses, uint64_t count, uint64_t lowest, const uint32_t[::1] directory,
    uint64_t[::1] marks,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(row=uint64_t, blocks=uint64_t, block=uint64_t)
cpdef uint64_t number_blocks(
    const uint64_t[::1] addresses, uint64_t count, uint64_t lowest, uint32_t[::1] directory
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(distance=uint64_t, block=uint64_t, pair=uint64_t, bit=uint64_t, bits=uint64_t)
cpdef uint64_t index_of(
    uint64_t address, uint64_t lowest, const uint32_t[::1] directory, const uint64_t[::1] marks
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(
    room=uint64_t, length=uint64_t, row=uint64_t, kind=uint64_t, size=uint64_t, start=uint64_t, entry=int64_t,
    runs=int64_t, repeats=bint, limit=int64_t, offset=int64_t, end=int64_t, pair=int64_t, last=int64_t,
)
cpdef uint64_t list_references(
    const uint64_t[::1] words, uint64_t base, uint64_t first_row, uint64_t last_row,
    const uint64_t[::1] addresses, const uint32_t[::1] kinds, const size_column[::1] sizes,
    const uint32_t[::1] first, const int64_t[::1] descriptions, const uint32_t[::1] extra,
    uint64_t lowest, const uint32_t[::1] directory, const uint64_t[::1] marks,
    uint64_t edge, offset_column[::1] edge_offsets, uint32_t[::1] edge_targets, uint64_t[::1] state,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(address=uint64_t, target=uint64_t)
cdef uint64_t _list_run(
    const uint64_t[::1] words, uint64_t position, uint64_t end, uint64_t row, uint64_t lowest,
    const uint32_t[::1] directory, const uint64_t[::1] marks, uint64_t edge, uint32_t[::1] edge_targets,
    uint64_t[::1] state,
) except? 0xFFFFFFFFFFFFFFFF

cdef uint64_t _population(uint64_t bits) except? 0xFFFFFFFFFFFFFFFF

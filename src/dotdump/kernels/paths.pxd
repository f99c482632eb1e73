cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

ctypedef fused offset_column:
    uint32_t
    uint64_t

ctypedef fused size_column:
    uint32_t
    uint64_t

cdef uint32_t _SHARED, _OTHER, _ROOT_BIT
cdef uint64_t _FIRST, _SECOND, _ALL

@cython.locals(edge=uint64_t, edges=uint64_t, total=uint64_t, node=uint64_t, nodes=uint64_t)
cpdef uint64_t count_referrers(
    const uint32_t[::1] edge_targets, offset_column[::1] offsets
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(source=uint64_t, edge=uint64_t, start=uint64_t, place=uint64_t)
cpdef int list_referrers(
    const offset_column[::1] edge_offsets, const uint32_t[::1] edge_targets, offset_column[::1] offsets,
    uint32_t[::1] referrers,
) except -1

@cython.locals(
    head=uint64_t, tail=uint64_t, count=uint64_t, room=uint64_t, node=uint32_t, place=uint64_t, end=uint64_t,
    source=uint32_t,
)
cpdef uint64_t find_ways(
    uint32_t target, const uint32_t[::1] parents, const offset_column[::1] offsets, const uint32_t[::1] referrers,
    uint32_t[::1] following, uint32_t[::1] queue, uint32_t[::1] roots,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(
    nodes=uint64_t, own=uint32_t, tail=uint64_t, head=uint64_t, index=uint64_t, node=uint32_t, edge=uint64_t,
    end=uint64_t, target=uint32_t,
)
cpdef uint64_t colour(
    const uint32_t[::1] roots, uint32_t group, uint32_t lowest, const offset_column[::1] edge_offsets,
    const uint32_t[::1] edge_targets, uint32_t[::1] colours, uint32_t[::1] queue,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(row=uint64_t, rows=uint64_t)
cpdef int add_colours(
    const uint32_t[::1] colours, const size_column[::1] sizes, uint64_t[::1] counts, uint64_t[::1] totals
) except -1

@cython.locals(found=uint64_t, row=uint64_t, node=uint32_t, shape=uint32_t)
cpdef uint64_t group_ways(
    uint64_t first, uint64_t last, const uint8_t[::1] wanted, const uint32_t[::1] parents,
    const uint32_t[::1] type_ids, const size_column[::1] sizes, uint32_t[::1] shapes, uint32_t[::1] stack,
    uint32_t[::1] table, uint32_t[::1] above, uint32_t[::1] kinds, uint64_t[::1] counts, uint64_t[::1] totals,
    uint32_t[::1] examples, uint64_t[::1] state,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(depth=uint64_t, nodes=uint64_t, shape=uint32_t)
cdef uint32_t _shape_of(
    uint32_t node, const uint32_t[::1] parents, const uint32_t[::1] type_ids, uint32_t[::1] shapes,
    uint32_t[::1] stack, uint32_t[::1] table, uint32_t[::1] above, uint32_t[::1] kinds, uint64_t[::1] state,
) except? 0xFFFFFFFF

@cython.locals(upper=uint32_t, top=uint32_t)
cdef uint32_t _step(
    uint32_t shape, uint32_t kind, uint32_t[::1] table, uint32_t[::1] above, uint32_t[::1] kinds, uint64_t[::1] state
) except? 0xFFFFFFFF

@cython.locals(mask=uint64_t, slot=uint64_t, shape=uint64_t)
cdef uint32_t _enter(
    uint32_t upper, uint32_t kind, uint32_t[::1] table, uint32_t[::1] above, uint32_t[::1] kinds,
    uint64_t[::1] state,
) except? 0xFFFFFFFF

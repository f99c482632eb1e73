cimport cython
from libc.stdint cimport uint32_t, uint64_t

ctypedef fused offset_column:
    uint32_t
    uint64_t

@cython.locals(
    nodes=uint64_t, tail=uint64_t, head=uint64_t, index=uint64_t, node=uint32_t, edge=uint64_t, end=uint64_t,
    target=uint32_t,
)
cpdef uint64_t find_parents(
    const uint32_t[::1] roots, const offset_column[::1] edge_offsets, const uint32_t[::1] edge_targets,
    uint32_t[::1] parents, uint32_t[::1] queue,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(edge=uint64_t, edges=uint64_t, count=uint64_t, room=uint64_t)
cpdef uint64_t find_referrers(
    uint32_t node, uint64_t first_edge, const uint32_t[::1] edge_targets, const offset_column[::1] edge_offsets,
    uint64_t[::1] found,
) except? 0xFFFFFFFFFFFFFFFF

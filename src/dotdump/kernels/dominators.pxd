cimport cython
from libc.stdint cimport uint32_t, uint64_t

ctypedef fused offset_column:
    uint32_t
    uint64_t

ctypedef fused size_column:
    uint32_t
    uint64_t

cdef uint32_t _ROOT

@cython.locals(
    nodes=uint64_t, highest=uint32_t, index=uint64_t, node=uint32_t, current=uint32_t, end=uint64_t, cursor=uint64_t,
)
cpdef uint32_t number_depth_first(
    const uint32_t[::1] roots, const offset_column[::1] edge_offsets, const uint32_t[::1] edge_targets,
    uint32_t[::1] numbers, uint32_t[::1] order, uint32_t[::1] parents, offset_column[::1] cursors,
) except? 0xFFFFFFFF

@cython.locals(source=uint32_t, edge=uint64_t, end=uint64_t, target=uint32_t, total=uint64_t)
cpdef uint64_t count_predecessors(
    uint32_t highest, const offset_column[::1] edge_offsets, const uint32_t[::1] edge_targets,
    const uint32_t[::1] numbers, const uint32_t[::1] order, const uint32_t[::1] parents, offset_column[::1] offsets,
) except? 0xFFFFFFFFFFFFFFFF

@cython.locals(source=uint32_t, edge=uint64_t, end=uint64_t, target=uint32_t, place=uint64_t)
cpdef int list_predecessors(
    uint32_t highest, const offset_column[::1] edge_offsets, const uint32_t[::1] edge_targets,
    const uint32_t[::1] numbers, const uint32_t[::1] order, const uint32_t[::1] parents, offset_column[::1] offsets,
    uint32_t[::1] predecessors,
) except -1

@cython.locals(
    current=uint32_t, parent=uint32_t, best=uint32_t, place=uint64_t, end=uint64_t, source=uint32_t,
)
cpdef int find_dominators(
    uint32_t highest, uint64_t total, uint32_t[::1] ancestors, const offset_column[::1] offsets,
    const uint32_t[::1] predecessors, uint32_t[::1] semi, uint32_t[::1] label, uint32_t[::1] dominators,
) except -1

@cython.locals(number=uint32_t)
cpdef int by_node(
    uint32_t highest, const uint32_t[::1] order, const uint32_t[::1] dominators, uint32_t[::1] result
) except -1

@cython.locals(number=uint32_t)
cpdef int retain(
    uint32_t highest, const uint32_t[::1] order, const uint32_t[::1] dominators, const size_column[::1] sizes,
    uint64_t[::1] retained,
) except -1

@cython.locals(waiting=uint32_t, following=uint32_t, lowest=uint32_t)
cdef int _settle(
    uint32_t parent, uint32_t first, uint32_t[::1] ancestors, uint32_t[::1] semi, uint32_t[::1] label,
    uint32_t[::1] dominators,
) except -1

@cython.locals(below=uint32_t, above=uint32_t, top=uint32_t, lowest=uint32_t)
cdef uint32_t _lowest_label(
    uint32_t number, uint32_t first, uint32_t[::1] ancestors, uint32_t[::1] semi, uint32_t[::1] label
) except? 0xFFFFFFFF

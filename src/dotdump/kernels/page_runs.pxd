cimport cython
from libc.stdint cimport uint64_t

cdef uint64_t _DATA
cdef int _LOWEST

@cython.locals(bits=uint64_t, filled=Py_ssize_t, inside=int, index=Py_ssize_t, count=Py_ssize_t)
cpdef Py_ssize_t find_runs(const uint64_t[::1] entries, uint64_t[::1] runs, uint64_t unwanted) except -1

"""Inner loops over buffers: typed Python, compiled by Cython where a C compiler was there. No I/O, no objects."""

"""Bytes by position: one idea of memory for files, cores, processes and fakes."""

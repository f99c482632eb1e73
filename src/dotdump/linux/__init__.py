"""The kernel's interfaces: /proc, ptrace, pidfd, pagemap, namespaces.

Text of /proc is read in ``proc`` (thin, bounded) and parsed in a module per file (no I/O, any bytes are safe);
``identity`` holds on to one process from first step to last; ``errors`` turns errno into our own errors.
"""

"""The kernel's interfaces: /proc, ptrace, pidfd, pagemap, namespaces."""

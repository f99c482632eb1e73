"""CLR data access: the managed runtime in a target, read without its help."""

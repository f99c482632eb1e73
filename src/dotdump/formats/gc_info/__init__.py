"""GC info: what the compiler says of each method about where references are while it runs."""

"""A program that stands still: from a core, a stopped process, a snapshot."""

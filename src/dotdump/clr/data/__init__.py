"""Typed views of runtime structures, declared by field name; offsets come from the descriptor."""

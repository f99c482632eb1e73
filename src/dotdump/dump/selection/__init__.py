"""What the small types of dump keep: chosen by walking the target as a reader of the dump will."""

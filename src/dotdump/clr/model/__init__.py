"""What users see: a runtime, its heap, its objects."""

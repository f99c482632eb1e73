""".NET dumps on Linux: collect them, open them, ask them. The public API."""

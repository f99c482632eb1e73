"""The runtime's own debugging library, the DAC, driven in a process of its own: optional, a witness and a fallback."""

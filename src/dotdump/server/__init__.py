"""An in-process diagnostics server: makes a Python program a target like a .NET one.

``DiagnosticServer`` is the thread that listens; ``handlers`` answer; ``program`` is what they answer about.
Source of truth: the runtime's own server, ``src/native/eventpipe/ds-*.c`` of dotnet/runtime, and its recorded answers.
"""

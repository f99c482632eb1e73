"""Names of the files that a .NET runtime with a file of its own is made of; they lie in one directory."""

RUNTIME_FILE = "libcoreclr.so"
"""The runtime itself. A program in one file has it linked in."""
DAC_FILE = "libmscordaccore.so"
"""The library that knows the structures of the runtime beside it: debuggers load it, and so does createdump."""
CREATEDUMP_FILE = "createdump"
"""The program that the runtime starts to be dumped."""

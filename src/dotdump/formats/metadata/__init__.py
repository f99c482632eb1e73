"""ECMA-335 metadata: heaps, tables, signatures; of assemblies and of portable PDBs."""

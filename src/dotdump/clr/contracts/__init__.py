"""What a runtime's structures mean: one module a contract, versions inside."""

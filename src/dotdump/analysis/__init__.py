"""Questions answered over a runtime: frozen results, for reports and for programs."""

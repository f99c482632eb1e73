"""Writing cores: what to keep, how, which way, and whether it is really there."""

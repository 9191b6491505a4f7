"""A gateway's packet engine: a core that performs no I/O, and a small Linux shell around it."""

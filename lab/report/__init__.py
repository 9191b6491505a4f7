"""What a person reads and what a machine reads of a run."""

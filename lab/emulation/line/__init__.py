"""A line: a process in the middle of a link that carries its frames, and delays, loses, doubles and reorders them by a seed."""

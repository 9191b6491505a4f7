"""What bench/tunnel.py measures with: a path of namespaces, the dataplanes that compete on it, traffic, and counting."""

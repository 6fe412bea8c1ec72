"""Faults of a cluster, made for real on a sandbox of their own."""

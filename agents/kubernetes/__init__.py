"""Clusters: what an agent can see of them and change in them, through the official client."""

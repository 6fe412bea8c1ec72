"""The printed columns of each kind."""

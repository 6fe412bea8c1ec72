"""`make demo`: a ticket from the request to the merged commit, on this machine alone."""

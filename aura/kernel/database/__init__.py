"""Django's PostgreSQL backend, with a health check that asks the kernel instead of the server."""

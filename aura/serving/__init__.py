"""How the product is served: sockets, the bridge to Django, child processes, start and end."""

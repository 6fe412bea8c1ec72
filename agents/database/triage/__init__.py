"""What is wrong with a PostgreSQL server, by rules over what its own views show.

`gather` reads once and makes a `Snapshot`, `judge` applies `rules` to it. Only `gather` and `tool`
know a connection; the rest takes values, also recorded ones.
"""

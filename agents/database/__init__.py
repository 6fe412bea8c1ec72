"""The database agent: tools on the PostgreSQL servers of the inventory."""

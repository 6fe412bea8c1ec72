"""Linking looks events up by their keys, however few there were when its plan was made.

A session keeps the plan of a function, and one made for an almost empty log read all of it at each
pass until the log was analysed anew. What waits is a queue, whose dead rows every look passes.
"""

from django.db import migrations

BY_KEYS = """
ALTER FUNCTION governance_link(bigint, integer)
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
ALTER TABLE governance_auditpending SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);
"""
UNDO = """
ALTER TABLE governance_auditpending RESET (
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay
);
ALTER FUNCTION governance_link(bigint, integer) RESET ALL;
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0011_link")]
    operations = [migrations.RunSQL(BY_KEYS, UNDO)]

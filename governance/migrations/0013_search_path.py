"""The log's functions find its tables, whatever the session they run in calls by those names.

Without it a temporary table, or a schema that a role put before ours, stood for one of them.
"""

from django.db import migrations

PIN = """
ALTER FUNCTION governance_append_only() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION governance_event_pending() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION governance_link(bigint, integer) SET search_path = pg_catalog, public, pg_temp;
"""
UNDO = """
ALTER FUNCTION governance_append_only() RESET search_path;
ALTER FUNCTION governance_event_pending() SET search_path = public, pg_temp;
ALTER FUNCTION governance_link(bigint, integer) RESET search_path;
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0012_link_plan")]
    operations = [migrations.RunSQL(PIN, UNDO)]

"""Names of PostgreSQL's own that somebody's functions bear too, which may be called instead.

PostgreSQL takes the overload that fits best, wherever it is found, so a `lower(varchar)` in the
schema `public` comes before its own `lower(text)`. Those of extensions count as known.
"""

from __future__ import annotations

from agents.database.connect import Session
from agents.database.verdict import Names

_SHADOWS = """
WITH seen AS (
    SELECT oid, nspname FROM pg_namespace
    WHERE nspname = ANY (current_schemas(true)) AND nspname <> 'pg_catalog'
), extended AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
)
SELECT 'function ' || seen.nspname || '.' || p.proname AS name
FROM pg_proc p JOIN seen ON seen.oid = p.pronamespace
WHERE (p.proname = ANY (%(functions)s)
       OR p.proname = ANY (%(attributes)s) AND p.pronargs > 0 AND EXISTS (
           SELECT FROM pg_type t WHERE t.oid = p.proargtypes[0] AND t.typtype IN ('c', 'p')))
  AND ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM extended)
UNION ALL
SELECT 'operator ' || seen.nspname || '.' || o.oprname
FROM pg_operator o JOIN seen ON seen.oid = o.oprnamespace
WHERE o.oprname = ANY (%(operators)s)
  AND ('pg_operator'::regclass, o.oid) NOT IN (SELECT classid, objid FROM extended)
UNION ALL
SELECT 'the search_path, in which ' || (current_schemas(true))[1] || ' comes before pg_catalog'
WHERE (current_schemas(true))[1] <> 'pg_catalog'
LIMIT 5
"""


def shadows(session: Session, names: Names) -> list[str]:
    """What stands in the way of taking these names for PostgreSQL's own, in words."""
    found = session.rows(
        _SHADOWS,
        {
            "functions": sorted(names.functions),
            "operators": sorted(names.operators),
            "attributes": sorted(names.attributes),
        },
    )
    return [row["name"] for row in found]

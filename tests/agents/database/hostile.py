"""The matrix of SQL: 6 statements that only look, and many that do not, with what is made of them.

They are about the table `accounts`, the sequence `numbers`, the functions `harmless_looking()` and
`lower(varchar)` and the file `/etc/passwd`; `tests/agents/database/conftest.py` makes those.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

READ, WRITE, DESTRUCTIVE, UNKNOWN = "read", "write", "destructive", "unknown"

LEGITIMATE = (
    "SELECT id, owner FROM accounts WHERE balance > 10 ORDER BY id LIMIT 5",
    (
        "WITH rich AS (SELECT * FROM accounts WHERE balance > 100)"
        " SELECT count(*), sum(balance) FROM rich"
    ),
    (
        "SELECT a.owner, pg_size_pretty(pg_total_relation_size('accounts')) FROM accounts a"
        " JOIN pg_stat_activity s ON s.pid <> pg_backend_pid() GROUP BY 1"
    ),
    "EXPLAIN (FORMAT JSON) SELECT * FROM accounts",
    "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM accounts WHERE id = 1",
    "SHOW work_mem",
)

# Each with the class it is given. What is `unknown` is run for nobody.
HOSTILE: dict[str, str] = {
    # several statements, and ways out of the transaction
    "SELECT 1; DELETE FROM accounts": UNKNOWN,
    "SELECT 1;;DROP TABLE accounts": UNKNOWN,
    "BEGIN READ WRITE": UNKNOWN,
    "SET TRANSACTION READ WRITE": UNKNOWN,
    "COMMIT": UNKNOWN,
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE": UNKNOWN,
    "SELECT 1\0; DROP TABLE accounts": UNKNOWN,
    # rows
    "INSERT INTO accounts(owner, balance) VALUES ('eve', 1000)": WRITE,
    "UPDATE accounts SET balance = 0 WHERE id = 1": WRITE,
    "UPDATE accounts SET balance = 0": DESTRUCTIVE,
    "DELETE FROM accounts WHERE true": DESTRUCTIVE,
    "DELETE FROM accounts WHERE id > 0": WRITE,
    "WITH d AS (DELETE FROM accounts RETURNING *) SELECT * FROM d": DESTRUCTIVE,
    "WITH d AS (UPDATE accounts SET balance = 0 WHERE id = 1 RETURNING *) SELECT * FROM d": WRITE,
    "MERGE INTO accounts a USING (SELECT 1 AS id) s ON a.id = s.id"
    " WHEN MATCHED THEN DELETE": DESTRUCTIVE,
    "SELECT * INTO stolen FROM accounts": WRITE,
    "CREATE TABLE stolen AS SELECT * FROM accounts": WRITE,
    "SELECT * FROM accounts FOR UPDATE": WRITE,
    "EXPLAIN ANALYZE DELETE FROM accounts": DESTRUCTIVE,
    "EXPLAIN (ANALYZE off, ANALYZE on) DELETE FROM accounts": DESTRUCTIVE,
    "EXPLAIN ANALYZE WITH d AS (DELETE FROM accounts RETURNING *) SELECT * FROM d": DESTRUCTIVE,
    "TRUNCATE accounts": DESTRUCTIVE,
    # the schema
    "DROP TABLE accounts": DESTRUCTIVE,
    "TRUNCATE accounts CASCADE": UNKNOWN,
    "DROP TABLE accounts CASCADE": UNKNOWN,
    "ALTER TABLE accounts DROP COLUMN balance": DESTRUCTIVE,
    "ALTER TABLE accounts ALTER COLUMN balance TYPE text": DESTRUCTIVE,
    "CREATE INDEX ON accounts(owner)": WRITE,
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'": UNKNOWN,
    "CREATE RULE r AS ON INSERT TO accounts DO ALSO DELETE FROM accounts": UNKNOWN,
    # code
    "DO $$ BEGIN DELETE FROM accounts; END $$": UNKNOWN,
    "CALL wipe()": UNKNOWN,
    "SELECT harmless_looking()": WRITE,
    "SELECT public.lower(owner) FROM accounts": WRITE,
    "SELECT query_to_xml('DELETE FROM accounts', true, true, '')": UNKNOWN,
    "PREPARE p AS DELETE FROM accounts": UNKNOWN,
    "EXECUTE p": UNKNOWN,
    # sessions, settings, locks, sequences, large objects, channels
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity": UNKNOWN,
    "SELECT pg_catalog.pg_cancel_backend(1)": UNKNOWN,
    "SET statement_timeout = 0": UNKNOWN,
    "SET ROLE postgres": UNKNOWN,
    "SELECT set_config('statement_timeout', '0', false)": UNKNOWN,
    "UPDATE pg_settings SET setting = 'off' WHERE name = 'fsync'": UNKNOWN,
    "ALTER SYSTEM SET work_mem = '1GB'": UNKNOWN,
    "SELECT pg_sleep(3600)": UNKNOWN,
    "SELECT pg_advisory_lock(1)": UNKNOWN,
    "LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE": UNKNOWN,
    "SELECT nextval('numbers')": WRITE,
    "SELECT setval('numbers', 9999)": WRITE,
    "SELECT lo_create(4711)": WRITE,
    "NOTIFY channel, 'x'": UNKNOWN,
    "SELECT pg_notify('channel', 'x')": WRITE,
    "LISTEN channel": UNKNOWN,
    "VACUUM accounts": UNKNOWN,
    # files, programs, secrets, other servers
    "COPY accounts TO PROGRAM 'cat > /tmp/stolen'": UNKNOWN,
    "COPY accounts TO STDOUT": UNKNOWN,
    "COPY accounts FROM '/etc/passwd'": UNKNOWN,
    "SELECT pg_read_file('/etc/passwd')": UNKNOWN,
    "SELECT pg_ls_dir('.')": UNKNOWN,
    "SELECT lo_import('/etc/passwd')": UNKNOWN,
    "SELECT * FROM dblink('dbname=x', 'DELETE FROM accounts') AS t(a int)": UNKNOWN,
    "SELECT usename, passwd FROM pg_shadow": UNKNOWN,
    "TABLE pg_catalog.pg_authid": UNKNOWN,
    # the server
    "SELECT pg_reload_conf()": UNKNOWN,
    "SELECT pg_switch_wal()": UNKNOWN,
    "SELECT pg_create_physical_replication_slot('s', true)": UNKNOWN,
    "SELECT pg_stat_reset()": UNKNOWN,
    # rights
    "GRANT ALL ON accounts TO PUBLIC": UNKNOWN,
    "CREATE ROLE eve SUPERUSER": UNKNOWN,
}

_TOKEN = re.compile(r"\s+|'[^']*'|\w+|.", re.DOTALL)
_SPICE = (
    *("lo_create(1)", "nextval('numbers')", "harmless_looking()", "pg_notify('a', 'b')", "INTO x"),
    *("(DELETE FROM accounts RETURNING 1)", "FOR UPDATE", "pg_advisory_lock(1)", ";", "--", "$$"),
)


def mutations(seed: int, count: int) -> Iterator[str]:
    """Statements of the matrix with parts taken out, put in, and wrapped into each other."""
    chance = random.Random(seed)  # noqa: S311 - the same ones each time
    known = [_TOKEN.findall(sql) for sql in (*HOSTILE, *LEGITIMATE * 9)]
    parts = [*(part for sql in known for part in sql if part.strip()), *_SPICE]
    for _ in range(count):
        sql = list(chance.choice(known))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(sql) + 1)
            other = chance.choice(known)
            sql[at : at + chance.randint(0, 2)] = chance.choice(
                [
                    [],
                    [" ", chance.choice(parts), " "],
                    [" ", *other[: chance.randrange(len(other))], " "],
                    [" (", *other, ") "],
                ]
            )
        yield "".join(sql)

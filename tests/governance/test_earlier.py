"""What was decided earlier on the same thing, among very many approvals."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from governance.admin.case import earlier
from governance.models import Approval

ROWS = 20_000
MANY = """
INSERT INTO governance_approval (id, key, fingerprint, tool_name, arguments, action_class,
    resource_type, resource_name, requested_by, trace_id, policy_name, reason, status,
    requested_at, expires_at, decided_at, decided_by, decision_reason, quorum, approver_role)
SELECT gen_random_uuid(), 'apr_' || n, '', 'tool' || n %% 7, '{}', 'write', 'kubernetes',
    'namespace-' || n %% 97, 'agent:x', '', 'p', '', 'approved', now() - n * interval '1 minute',
    now(), CASE WHEN n %% 50 > 0 THEN now() END, 'ada', '', 1, 'approver'
FROM generate_series(1, %s) n
"""


@pytest.mark.django_db
def test_earlier_decisions_are_found_without_looking_through_all():
    with connection.cursor() as cursor:
        cursor.execute(MANY, [ROWS])
        cursor.execute("ANALYZE governance_approval")
    one = Approval.objects.filter(tool_name="tool3").latest("requested_at")
    found = list(earlier(one))
    assert {(row.tool_name, row.resource_name) for row in found} == {("tool3", one.resource_name)}
    assert [row.requested_at for row in found] == sorted(
        (row.requested_at for row in found), reverse=True
    )
    (plan,) = json.loads(earlier(one).explain(format="json"))
    assert "approval_earlier" in json.dumps(plan)
    assert "Seq Scan" not in json.dumps(plan)

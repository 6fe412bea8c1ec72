"""What the tools read from the environment of whoever types them.

`aura.config` reads that of the product; importing it would start Celery.
"""

from __future__ import annotations

import os

API_URL = "AURA_API_URL"
AUDIT_URL = "HELPDESK_AUDIT_URL"
GATEWAY_URL = "HELPDESK_GATEWAY_URL"
POLICY_FILE = "HELPDESK_POLICY_FILE"
INFRA_CONFIG = "HELPDESK_INFRA_CONFIG"
TOKEN = "AURA_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE = "AURA_TOKEN_FILE"  # noqa: S105 - likewise


def variable(name: str) -> str:
    """Its value without blanks around it; empty when it is not set."""
    return os.environ.get(name, "").strip()  # noqa: TID251 - see above

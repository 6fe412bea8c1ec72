"""The helpdesk's governance endpoints over HTTP: on auditd and, most of them, on the gateway."""

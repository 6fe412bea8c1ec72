"""Alerts of monitoring: each opens a ticket, once; when it resolves, the ticket may end."""

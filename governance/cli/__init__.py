"""The command line tools: `approvals`, `govexplain`, `auditor`. Clients of auditd over HTTP.

Nothing here imports Django or `aura` (which imports Celery): they start in a fraction of a second
and run where only this package and httpx are. `govexplain --policy-file` alone uses the pure loader
and engine.
"""

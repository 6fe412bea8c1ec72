"""The two calls that travel upward, both sent after commit (ARCHITECTURE §2). There is no third.

`events_sequenced(first, last)`: the events at these places of the log are now linked.
`approval_resolved(approval_id, trace_id)`: a request was approved or denied.
"""

from django.dispatch import Signal

events_sequenced = Signal()
approval_resolved = Signal()

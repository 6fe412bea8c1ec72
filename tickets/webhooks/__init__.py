"""Webhooks: the log, told to receivers over HTTP (Aura document, Webhook Support).

messages   which events of the log become which messages
feed       reads the log into deliveries: rows, one a message and endpoint
queue      the rows as a queue: claims, outcomes, retries
send       one attempt: signature (Standard Webhooks) and request, through `aura.kernel.outbound`
pump       the few threads of a worker that deliver, apart from those of the agents
endpoints  what people do: add, change, rotate, disable, test, replay

What holds: every event that commits while an endpoint is active is delivered at least once, or is
`dead` after a day and can be replayed; all attempts at a message carry the same `webhook-id`. An
endpoint gets one request at a time, first attempts in the order of the log; what is retried comes
later than its successors. Ids grow with the log, so a receiver can restore the order.
"""

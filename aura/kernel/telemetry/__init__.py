"""Seeing inside: trace ids, log lines, metrics and spans of this process.

context   whose work is being done: the trace, and the HTTP exchange if there is one
logs      one JSON line an event, in every process alike
metrics   what is counted; the one list of names and labels
shared    the counts of all processes of a data directory, added up for one scrape
tracing   OpenTelemetry spans; nothing of it is imported unless an endpoint is configured
"""

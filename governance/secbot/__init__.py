"""The security responder: reads the log behind everybody's back and raises alerts (:9091).

alerts     what can be raised, and what is raised
events     an event of the log, as far as the detectors care
release    was a destructive execution released by somebody or something
detectors  events and state in, alerts out: no rows, no clock
limits     the settings they are judged by
follower   reads the log by place, each event once, and writes what was found
incidents  an alert that is not a repetition becomes an incident, unless one like it is open;
           the callback of its bundle
closing    a person closes an incident, with a reason
watcher    the thread of a worker that does it
gauges     what /metrics says of it

An alert is an event of the log itself, `security_alert`, by the principal `system:secbot`; what
that principal tells is not analysed.
"""

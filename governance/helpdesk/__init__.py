"""Governance in the words of the aiHelpDesk document: what :1199 and the gateway say of it.

words      names of events, ours and theirs
posting    events that others tell us of, and what became of them
events     events as the document shows them, whoever told them
requests   requests for approval, likewise
status     info and policies; `judging` explains and checks
chain      the log's verdict on itself, asked by many
journeys   what happened in one trace, in one line

One log is read and written (`governance.audit`), one policy asked, one set of requests decided on;
nothing is kept here.
"""

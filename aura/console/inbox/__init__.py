"""Everything that waits for a person, in one list: the riskiest kind first, then the oldest.

items      a line of the list, and the kinds there are, in their order
wanted     what somebody asks of the list: filters, a search, and who they are
sources    what is listed, each kind by its rows: security, policies, requests, tickets
listing    counts, and one page of them all
views      the page

A list of something else that waits is one more source (`sources.Source`), named in `listing`.
"""

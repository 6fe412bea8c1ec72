"""Policies in the console: what is in force, what waits, and what would be decided otherwise.

versions   the list, the page of a version, and its verbs
verbs      what each verb does, and to whom it is offered
reading    what the page of a version shows
rules      a document's rules in words
history    what the log tells of versions
writing    a new document: checked, then kept
asking     what would be decided, and whether cases hold

What is decided here, and its words, are those of `governance.policy`, as at the command line.
"""

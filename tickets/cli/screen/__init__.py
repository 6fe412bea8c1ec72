"""The live screen of `aura`: the inbox, a ticket, and decisions, in a terminal.

app      the application and the stream that tells it what happens
live     what its screens share: requests beside them, renewing
inbox    the list
ticket   one ticket with what it waits for and its log
asking   a question to the person at the keyboard, or a note, over everything else

Text from outside is cleaned by `governance.cli.show` and never read as markup.
"""

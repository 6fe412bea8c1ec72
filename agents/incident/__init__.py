"""The incident agent: diagnostic bundles, as the aiHelpDesk document has them (behaviour §4.4).

commands   what is asked of the machine, without a shell, each with a time and a size
layers     which files a bundle has, and where each comes from
targets    what a bundle is about
ours       our own credentials, to be redacted
gathering  taking them side by side, within the time of the bundle
archive    the tar.gz: written whole or not at all, readable by its owner alone
bundles    making one, and what it is known as
download   handing an archive out
callbacks  telling a receiver that it is made
tools      both verbs as tools
questions  which calls answer a question where there is no model
agent      the agent itself
admin      the list and the page in the console
"""

"""The research agent: searches the web, reads pages, and names its sources.

search     what a provider of searches finds, through litellm
page       one page of the web, fetched through the guard of outbound calls
htmltext   the text of an HTML page
tools      both as tools
questions  which calls answer a question where there is no model
agent      the agent itself
"""

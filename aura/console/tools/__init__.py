"""The room of agents and tools: who works here, with what, and trying a tool that only reads.

known    the agents and their tools, those of tickets too
schema   a JSON Schema as rows that people read
forms    the same as a form, and what was typed as arguments
places   what the inventory offers for a tool, and what the policy says of it there
figures  how often a tool was called
answers  what came of a call, in words
views    the pages
"""

"""Tools of other MCP servers as tools of ours: listed by the operator, pinned, through the door.

servers   the operator's list (AURA_MCP_SERVERS)
client    a short visit to one of them, with the official library
tools     what is listed, as tools

`manage.py mcp_pin NAME` prints what to put into the list.
"""

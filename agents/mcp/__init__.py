"""MCP: editors and other agents use our tools. (Those of other servers: `agents.external`.)

app        the ASGI application at /mcp of the gateway's port
server     what `tools/list` and `tools/call` answer

The library is imported with the first request: it takes 19 MB, and who uses no MCP goes without.
"""

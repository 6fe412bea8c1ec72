"""The helpdesk: agents that answer questions and run single tools, over the gateway, A2A and MCP.

catalogue    which agents there are
tasks        one question or one direct call: asked, found, cancelled
journal      the task's side of its run
drive        a worker's stretch of work on a task
waiting      waiting for a task without a thread or a connection
"""

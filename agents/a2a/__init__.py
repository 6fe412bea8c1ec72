"""A2A: other agents ask ours, in protocol 1.0 and 0.3 side by side, and ours ask others.

app        the ASGI application of the agents' ports
cards      what an agent says of itself; nothing of its instructions
rpc        JSON-RPC 2.0: requests in, answers and errors out
methods    what each method of either protocol does
incoming   a message as clients write it, in three dialects
outgoing   tasks and events as each protocol writes them
desk       the tasks of one agent and one caller
follow     the events of a task, one after another
push       telling a client's URL how its task stands
remote     the client: agents elsewhere

A server of our own: tasks live in rows and are worked on in other processes, so an SDK's queues and
task manager would stand beside them, and its import costs 15 MB in a process that may have 120.
"""

"""shell_exec: one program in a sandbox without network, which reads the ticket's worktree.

bubblewrap  the sandbox: how it is started, and whether it can be here
tools       the tool
"""

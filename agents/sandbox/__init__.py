"""A simulated cluster that speaks the Kubernetes and Argo CD REST APIs; see docs/sandbox.md.

Nothing in here imports Django: the process starts in a blink and stays small.
"""

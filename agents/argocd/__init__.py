"""Argo CD: applications read, synced and watched, over its REST API or the Kubernetes API.

state    what an Application says, as facts
desk     what can be asked of Argo CD, whichever way
rest     over its REST API
kube     over the Application objects alone
verdict  whether a revision has arrived and is healthy
tools    the tools
"""

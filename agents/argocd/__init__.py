"""Argo CD: applications read, synced and watched, over its REST API or the Kubernetes API.

state       what an Application says, as facts
desk        what can be asked of Argo CD, whichever way
rest        over its REST API
kube        over the Application objects alone
verdict     whether a revision has arrived and is healthy
windows     whether sync windows let it be synced, and when next
watched     what a ticket waits for, and which applications are its own
waiting     the tool that waits
forecast    what Argo CD would do with a change: manifests compared (`differing`), a dry run
previewing  a branch in the cluster before it is merged, and everything put back
tools       the other tools
"""

"""Sealed secrets: values that people enter, encrypted for the cluster's controller alone.

sealing      the encryption, as kubeseal does it
certificate  the controller's certificate, from a file or from the cluster
manifest     SealedSecret manifests, made and changed
vault        what the tools need of whoever keeps the values until they are sealed
tools        sealed_secret_create and sealed_secret_update
"""

"""Repositories whose manifests are made by cdk8s: synthesised and compared, never written.

project  what a cdk8s project is, and what is missing for running it
synth    runs it in the sandbox of shell_exec
tools    cdk8s_synth, cdk8s_validate, cdk8s_diff
"""

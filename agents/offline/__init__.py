"""A planner without a model: rules that read tickets, repositories and conversations.

From the words to the branch, in the order in which the modules use each other:

values, credentials, catalogue   what may be written, what must not, what is known of software
intent                           what is asked for, as a value; later words win
vocabulary, scanning, counts,    plain language to an intent: values are cut out first, then
slots, objects, reading          the verbs and their objects tell the action and the application
outcome, answers                 questions, and what an answer makes of an intent
yamlstyle, yamltext              writes YAML, and changes it in place
layout, kustomize, workloads     where applications live, and which place governs a value
book, targets, patching          a repository while it is being changed
changes, variables, limits,      what each wish does to an application that exists
exposure, removal
manifests, founding              what a new application consists of
drafting                         intent + repository -> draft, question, nothing to do, no way
transcript, steps, execution,    the conversation: how far it has come, and the next step
planner
"""

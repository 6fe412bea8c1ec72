"""What is wrong, told by rules: findings with the lines that prove them, with no model.

Here is what all rules share: findings, the vocabulary of causes, ranking, reports, the proof. The
rules live with the client that reads what they judge: `agents.kubernetes.triage`,
`agents.database.triage`.
"""

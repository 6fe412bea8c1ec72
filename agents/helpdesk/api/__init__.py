"""The gateway's endpoints of the agents (aiHelpDesk behaviour §1.2)."""

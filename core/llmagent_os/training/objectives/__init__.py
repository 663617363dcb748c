"""What training can aim at: one file an objective, and the protocol that all of them keep."""

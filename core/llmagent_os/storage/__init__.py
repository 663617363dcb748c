"""Moves, backs up and restores what an installation keeps, and takes its database one revision forward or back."""

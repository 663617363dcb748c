"""Knowledge: documents read into passages, kept on disk, and found again. One base a scope: a bot, workspace, person."""

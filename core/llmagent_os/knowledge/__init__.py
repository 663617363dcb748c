"""Knowledge: documents read into passages, kept on disk and found again, in one base a scope."""

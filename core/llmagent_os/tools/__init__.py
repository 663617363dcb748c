"""Finds plugins, loads them and calls their tools."""

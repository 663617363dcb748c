"""Endurance: a real bot under long load, killed at random (``kills``) or kept busy for half an hour (``soak``)."""

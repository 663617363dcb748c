"""What words say of time."""

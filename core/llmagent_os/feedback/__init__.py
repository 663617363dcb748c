"""What people think of replies: reactions, and what they say next."""

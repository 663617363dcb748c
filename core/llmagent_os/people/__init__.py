"""Who people are, what is known about them, and who may talk to the bot."""

"""People: who somebody is on each platform, what is kept about them, and who may talk to the bot."""

"""Manners: when the bot speaks, and when it stays silent. The hours of bots and people, silence in groups, and loops
between bots.
"""

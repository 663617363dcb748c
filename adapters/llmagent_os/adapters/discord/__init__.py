"""Discord, through discord.py: :class:`~llmagent_os.adapters.discord.adapter.DiscordAdapter`.

Nothing is imported here, so that the setup guide (``llmagent-os setup discord``) works without the library.
"""

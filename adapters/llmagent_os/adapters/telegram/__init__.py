"""Telegram, through python-telegram-bot: :class:`~llmagent_os.adapters.telegram.adapter.TelegramAdapter`.

Nothing is imported here, so that the setup guide (``llmagent-os setup telegram``) works without the library.
"""

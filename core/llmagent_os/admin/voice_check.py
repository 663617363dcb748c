"""Whether a bot understands recordings, and reads its answers aloud."""

from __future__ import annotations

from llmagent_os.admin.findings import Finding
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.voice.voice_packages import INSTALL
from llmagent_os.voice.voice_service import VoiceMachine, make_voice


def check_voice(settings: Settings, bot: Bot) -> Finding:
    """Say which engines the bot has. Nothing is loaded, and no server is asked."""
    config = bot.config.voice
    try:
        voice = make_voice(config, VoiceMachine.of(settings))
    except ConfigError as error:
        return Finding("voice", "problem", str(error), "correct [voice] in the bot.toml")
    if bot.config.interface == "voice" and not voice.can_speak:
        return Finding("voice", "problem", "`interface` is 'voice', and no engine speaks", f"install one: {INSTALL}")
    if not (voice.can_listen or voice.can_speak):
        return Finding("voice", "note", f"voice messages are not understood; {INSTALL} adds that")
    listens = f"listens ({config.transcriber})" if voice.can_listen else "does not listen"
    speaks = f"speaks ({config.speaker})" if voice.can_speak else "does not speak"
    return Finding("voice", "ok", f"the bot {listens} and {speaks}")

"""The texts of the page: buttons, hints and what goes wrong in the browser. The page gets them in its language."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from string import Template
from types import MappingProxyType

from llmagent_os.languages import LANGUAGES, LazyText, accepted_language, lazy_gettext, speaking

#: The cookie that keeps the language that a visitor chose by ``/language``. The page sets it.
COOKIE = "llmagent-os-language"

#: By the name that ``index.html`` and the scripts use. ``{…}`` in a text is filled by the page.
PAGE_TEXTS: Mapping[str, LazyText] = MappingProxyType(
    {
        "skip": lazy_gettext("Skip to the message box"),
        "connecting": lazy_gettext("Connecting…"),
        "connected": lazy_gettext("Connected"),
        "waiting": lazy_gettext("Not connected, trying again…"),
        "again": lazy_gettext("Connected again."),
        "locked": lazy_gettext("Locked"),
        "conversations": lazy_gettext("Conversations"),
        "new": lazy_gettext("New conversation"),
        "examples": lazy_gettext("Things to say"),
        "earlier": lazy_gettext("Show earlier messages"),
        "log": lazy_gettext("Conversation"),
        "coming": lazy_gettext("An answer is coming"),
        "latest": lazy_gettext("Latest"),
        "attached": lazy_gettext("Attached files"),
        "message": lazy_gettext("Message"),
        "write": lazy_gettext("Write a message"),
        "files": lazy_gettext("Files to attach"),
        "attach": lazy_gettext("Attach a file"),
        "record": lazy_gettext("Record a voice message"),
        "hold": lazy_gettext("Hold to talk, or press once to begin and once to send"),
        "send": lazy_gettext("Send"),
        # Translators: the names of the keys stay in braces.
        "hint": lazy_gettext("{enter} sends, {shift} {enter} begins a new line"),
        "drop": lazy_gettext("Drop the file to attach it"),
        "palette": lazy_gettext("React with any emoji"),
        "another": lazy_gettext("Another emoji"),
        "any": lazy_gettext("Any other emoji"),
        "react": lazy_gettext("React"),
        "private": lazy_gettext("This chat is private"),
        "enter_token": lazy_gettext(
            "Enter its access token. Whoever runs the bot has set it, and this browser remembers it from then on."
        ),
        "token": lazy_gettext("Access token"),
        "open": lazy_gettext("Open the chat"),
        "wrong_token": lazy_gettext("That is not the token."),
        "noscript": lazy_gettext("This chat needs JavaScript. It loads nothing from anywhere else."),
        "hello": lazy_gettext("Hello {person}, this is {title}"),
        "you": lazy_gettext("You"),
        # Translators: the name of whoever wrote a message, as a screen reader says it before the message.
        "said": lazy_gettext("{name}:"),
        "today": lazy_gettext("Today"),
        "yesterday": lazy_gettext("Yesterday"),
        "choices": lazy_gettext("Choices"),
        "form": lazy_gettext("Form: {title}"),
        "optional": lazy_gettext("(optional)"),
        "choose": lazy_gettext("Choose…"),
        "send_form": lazy_gettext("Send the form"),
        "reactions": lazy_gettext("Reactions"),
        "react_other": lazy_gettext("React with another emoji"),
        "edited": lazy_gettext("edited"),
        "sending": lazy_gettext("Sending…"),
        "waits": lazy_gettext("Waiting for the connection"),
        "retry": lazy_gettext("Try again"),
        "remove": lazy_gettext("Remove"),
        "remove_file": lazy_gettext("Remove {name}"),
        "uploading": lazy_gettext("Uploading…"),
        "works_again": lazy_gettext("This works again as soon as the connection is back."),
        "on_its_way": lazy_gettext("{name} is still on its way. Please send again in a moment."),
        "too_many": lazy_gettext("{name} is not attached: a message has {most} files at most."),
        "too_large": lazy_gettext("{name} is not attached: larger than {size} MB."),
        "not_attached": lazy_gettext("{name} is not attached: {problem}."),
        "lost": lazy_gettext("the connection is lost, or the file cannot be read"),
        "no_access": lazy_gettext("this page has no access any more; please reload it"),
        "one_emoji": lazy_gettext("That is not one emoji."),
        "no_emoji": lazy_gettext("Enter an emoji, or choose one above."),
        "listen": lazy_gettext("Listen to this answer"),
        "spoken": lazy_gettext("Voice message ({length})"),
        "sent_later": lazy_gettext("The recording is sent as soon as the connection is back."),
        "not_taken": lazy_gettext("The recording was not taken. Please write instead."),
        "no_permission": lazy_gettext("This page may not use the microphone: allow it in the browser's settings."),
        "no_microphone": lazy_gettext("There is no microphone that this page could use."),
        "too_short": lazy_gettext("That was too short: hold the button while you speak."),
        "send_recording": lazy_gettext("Send the recording"),
        "recording": lazy_gettext("Recording {length}. Let go or press again to send, Escape discards it."),
        "👍": lazy_gettext("Thumbs up"),
        "👎": lazy_gettext("Thumbs down"),
        "❤️": lazy_gettext("Heart"),
        "🎉": lazy_gettext("Party"),
        "😄": lazy_gettext("Laughing"),
        "🙏": lazy_gettext("Thank you"),
        "🔥": lazy_gettext("Fire"),
        "👏": lazy_gettext("Clapping"),
        "💯": lazy_gettext("Hundred points"),
        "✅": lazy_gettext("Check mark"),
        "🤔": lazy_gettext("Thinking"),
        "😕": lazy_gettext("Confused"),
        "😮": lazy_gettext("Surprised"),
        "😢": lazy_gettext("Crying"),
        "😡": lazy_gettext("Angry"),
        "👀": lazy_gettext("Eyes"),
        "🐌": lazy_gettext("Slow"),
        "❌": lazy_gettext("Cross mark"),
        "✂️": lazy_gettext("Too long"),
        "🥱": lazy_gettext("Yawning"),
    }
)

#: What ``<html lang>`` says where the code of the language is not enough.
_TAGS = {"zh": "zh-Hans"}


def texts_in(language: str) -> dict[str, str]:
    """The texts of the page in a language, by name, and its language tag under ``lang``."""
    with speaking(language):
        return {"lang": _TAGS.get(language, language), **{name: str(text) for name, text in PAGE_TEXTS.items()}}


def page_in(language: str, template: str) -> bytes:
    """``index.html`` in a language: every ``$name`` of ``template`` is replaced."""
    texts = {name: html.escape(text) for name, text in texts_in(language).items() if name.isidentifier()}
    keys = {"enter": "<kbd>Enter</kbd>", "shift": "<kbd>Shift</kbd>"}
    return Template(template).substitute(texts | {"hint": texts["hint"].format(**keys)}).encode()


def script_in(language: str) -> bytes:
    """The texts as a script module, for the other scripts."""
    return f"export default {json.dumps(texts_in(language), ensure_ascii=False)};\n".encode()


def language_of_page(cookies: Mapping[str, str], accepts: str) -> str:
    """The language that a visitor chose, else the one that their browser asks for; empty: none that there are texts in.

    Args:
        cookies: of the request.
        accepts: the header ``Accept-Language``.
    """
    chosen = cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else accepted_language(accepts)

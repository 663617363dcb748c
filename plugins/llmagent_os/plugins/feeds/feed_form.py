"""The form in which a person follows a feed."""

from __future__ import annotations

from llmagent_os.languages import gettext_noop
from llmagent_os.plugin import Form, FormField

MAX_ADDRESS = 500  #: characters

NEW_FEED = Form(
    key="new",
    title=gettext_noop("New feed"),
    opened_by=("feeds add", "feeds new"),
    fields=(
        FormField(
            key="address",
            label=gettext_noop("Address of the feed"),
            help=gettext_noop("It begins with https://"),
            max_length=MAX_ADDRESS,
        ),
        FormField(
            key="time",
            label=gettext_noop("News come every day at"),
            kind="time",
            required=False,
            help=gettext_noop("Of all your feeds. Leave it empty to keep the time as it is"),
        ),
    ),
)

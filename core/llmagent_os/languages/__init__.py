"""The languages that people are spoken to in: texts in the code are English, and catalogues translate them.

Code writes what people read as whole English sentences, in calls of :func:`gettext` and :func:`ngettext`. Each call
gives the sentence in the language in force, which :func:`speaking` sets around the answering of one event.
"""

from llmagent_os.languages.known_languages import ENGLISH, LANGUAGES, accepted_language, language_of_tag
from llmagent_os.languages.spoken_language import language_in_force, speaking
from llmagent_os.languages.translation import LazyText, gettext, gettext_noop, lazy_gettext, ngettext, translated
from llmagent_os.languages.written_values import date_and_time_text, date_text, language_name, list_text, number_text

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "LazyText",
    "accepted_language",
    "date_and_time_text",
    "date_text",
    "gettext",
    "gettext_noop",
    "language_in_force",
    "language_name",
    "language_of_tag",
    "lazy_gettext",
    "list_text",
    "ngettext",
    "number_text",
    "speaking",
    "translated",
]

"""Finds the number to call in an emergency: by the person's country, else the numbers of many countries."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import cast

import msgspec
from babel.core import get_global

from llmagent_os.plugin import ToolContext


class EmergencyNumbers(msgspec.Struct, frozen=True):
    """The numbers of one country."""

    emergency: str  #: an ambulance
    crisis: str = ""  #: for people who think of suicide; empty: none is known


#: What is said where nobody knows the country.
EVERYWHERE = EmergencyNumbers(
    "112 (EU, IN), 911 (US, CA, MX), 999 (GB, HK), 000 (AU), 111 (NZ), 120 (CN), 119 (JP, KR, TW), 192 (BR)",
    "988 (US, CA), 116 123 (GB, IE), 0800 111 0 111 (DE), 024 (ES), 12356 (CN), findahelpline.com",
)


@cache
def _countries() -> dict[str, EmergencyNumbers]:
    read = tomllib.loads(
        files("llmagent_os.plugins.health").joinpath("emergency_numbers.toml").read_text(encoding="utf-8")
    )
    return msgspec.convert(read, dict[str, EmergencyNumbers])


def country_of(time_zone: str | None, locale: str) -> str:
    """The country (ISO 3166) of a time zone, else of a language tag such as ``de-AT``; empty: nobody knows.

    >>> country_of("Europe/Berlin", "en-US"), country_of(None, "es-419"), country_of("UTC", "en_AU")
    ('DE', '', 'AU')
    """
    territories = cast(dict[str, str], get_global("zone_territories"))
    country = territories.get(time_zone or "", "")
    if re.fullmatch("[A-Z]{2}", country) and country != "ZZ":  # "ZZ" is an unknown country
        return country
    region = re.search(r"[-_]([A-Za-z]{2})\b", locale)
    return region[1].upper() if region else ""


def numbers_for(context: ToolContext) -> EmergencyNumbers:
    """The numbers of the person's country: by the zone that they named, else by what their platform says."""
    locale = context.event.sender.locale if context.event is not None else ""
    return _countries().get(country_of(context.profile.time_zone, locale), EVERYWHERE)

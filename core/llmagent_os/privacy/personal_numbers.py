"""Finds numbers that identify a person or an account: IBANs, national identity numbers, cards and phones.

python-stdnum knows the check digits of IBANs and of national numbers, and phonenumbers knows which phone numbers there
are. A bare row of digits is taken for a national number only beside a word that says so: check digits alone would fit
one order number in ten.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Any

#: Not an id of Discord as an account (``discord::684122828592498198``) or in an address. Nearly all cards are shorter.
_NO_ID = r"(?!(?:(?<=::)|(?<=/))\d{17})"

_CARD = re.compile(rf"{_NO_ID}\b\d(?:[ -]?\d){{12,18}}\b")
_PHONE = re.compile(r"(?<![\w.:/-])(?:\+|00)?\(?\d[\d ()./-]{6,}\d(?![\w:])")

#: A date, or a date with its year followed by one or two times: "24.11.2026 14.30-15.30". It is no phone number.
_DATE = re.compile(
    r"""\d{1,4}[./-]\d{1,2}[./-]\d{1,4}
      | (?:(?:19|20)\d\d([ ./-])\d{1,2}\1\d{1,2} | \d{1,2}([ ./-])\d{1,2}\2(?:19|20)\d\d)
        (?:[ -]{1,3}(?:[01]?\d|2[0-3])[. ]?[0-5]\d){0,2}""",
    re.VERBOSE,
)

_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b", re.IGNORECASE)
_NAMED_IBAN = re.compile(
    r"(\biban\b[^\w]{0,5}(?:(?:is|ist)\s+)?)([A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]*\d[A-Z0-9]*){2,9})", re.IGNORECASE
)

#: Shapes of national numbers that nothing else has, with the modules of python-stdnum that check them. An empty list:
#: the shape says enough.
_SHAPES = tuple(
    (re.compile(shape, re.IGNORECASE), checks)
    for shape, *checks in (
        (r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])",),  # United States
        (r"(?<![\w.-])\d{3} \d{2} \d{4}(?![\w-])", "us.ssn"),
        (r"\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",),  # United Kingdom
        (r"\b[A-Z]{6}[\dLMNPQRSTUV]{2}[A-Z][\dLMNPQRSTUV]{2}[A-Z][\dLMNPQRSTUV]{3}[A-Z]\b", "it.codicefiscale"),
        (r"\b[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d\b", "mx.curp"),
        (r"\b(?:\d{8}|[XYZ]-?\d{7})-?[A-Z]\b", "es.dni", "es.nie"),
        (r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b", "br.cpf"),
        (r"\b756\.\d{4}\.\d{4}\.\d{2}\b", "ch.ssn"),
        (r"\b\d{6}[-+ABCDEFUVWXY]\d{3}[0-9A-Y]\b", "fi.hetu"),
        (r"(?<!\d)(?:\d{2})?\d{6}[-+]\d{4}(?!\d)", "se.personnummer", "dk.cpr"),
        (r"(?<!\d)\d{6}-[1-8]\d{6}(?!\d)", "kr.rrn"),
        (r"\b\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}\b", "be.nn"),
        (r"\b[12] ?\d{2} ?(?:0\d|1[0-2]) ?\d{2} ?\d{3} ?\d{3} ?\d{2}\b", "fr.nir"),
        (rf"{_NO_ID}\b\d{{17}}[\dX]\b", "cn.ric"),
        (r"\b[A-Z]{3}[ABCFGHLJPTK][A-Z]\d{4}[A-Z]\b", "in_.pan"),
    )
)

#: A national number beside a word for it; its shape and check digits do not matter then.
_NAMED = re.compile(
    r"(\b(?:ssn|social[ -]security(?:[ -](?:no|number|nr))?|sozialversicherungs(?:nummer|nr)|sv-?nummer"
    r"|steuer-?id(?:nr)?|steueridentifikationsnummer|tax[ -]?id|tin|national[ -](?:id|insurance)(?:[ -](?:no|number))?"
    r"|nino|sin|bsn|burgerservicenummer|pesel|cpf|dni|nie|nif|curp|codice fiscale|aadhaar|aadhar|pan card|tfn"
    r"|tax file number|personnummer|personal number|cpr|hetu|ahv(?:-?nummer)?|numéro de sécurité sociale|nir|cnp"
    r"|t\.?c\.? kimlik(?: no)?|passport(?:[ -](?:no|number|nr))?|reisepass(?:nummer|nr)?|ausweis(?:nummer|nr)"
    r"|driver'?s? licen[cs]e(?: number)?)\.?"
    r"(?:\s{0,2}[:=#]|\s+(?:is|ist|es|est|number|no\.?|nr\.?))*\s{0,3})"
    r"(?!(?:19|20)\d\d([./-])\d{1,2}\2\d{1,2}(?!\d)|\d{1,2}([./-])\d{1,2}\3(?:19|20)\d\d(?!\d))"  # a date is none
    r"((?=(?:[ ./-]?[A-Z]{0,3}\d){6})[A-Z]{0,3}\d[A-Z0-9]*(?:[ ./-]?[A-Z]{0,2}\d[A-Z0-9]*){0,6})",
    re.IGNORECASE,
)
#: Any of these has to be in a line, in small letters, before :data:`_NAMED` is tried.
_NAMED_HINTS = (
    "ssn social sozial sv-nu svnu steuer tax tin national nino sin bsn burgers pesel cpf dni nie nif curp codice aadha"
    " pan tfn person cpr hetu ahv sécurité nir cnp kimlik passport pass ausweis licen"
).split()


def mask_account_numbers(line: str) -> str:
    """One line with IBANs, national identity numbers and card numbers masked.

    >>> mask_account_numbers("pay DE89 3704 0044 0532 0130 00 on friday, my ssn is 536904399")
    'pay [iban] on friday, my ssn is [id]'
    >>> mask_account_numbers("order 536904399 arrives on 24.11.2026")
    'order 536904399 arrives on 24.11.2026'
    """
    if sum(map(str.isdigit, line)) < 4:
        return line
    line = _NAMED_IBAN.sub(r"\1[iban]", _IBAN.sub(_masked_iban, line))
    lowered = line.lower()
    if any(hint in lowered for hint in _NAMED_HINTS):
        line = _NAMED.sub(r"\1[id]", line)
    if sum(map(str.isdigit, line)) < 6:
        return line
    for shape, checks in _SHAPES:
        for found in {match[0] for match in shape.finditer(line)}:
            if not checks or any(_is_valid(name, found) for name in checks):
                line = line.replace(found, "[id]")
    return _CARD.sub(lambda match: "[card]" if _is_card(match[0]) else match[0], line)


def mask_phones(line: str) -> str:
    """One line with phone numbers masked."""
    if not has_long_number(line):
        return line
    return _PHONE.sub(lambda match: "[phone]" if _is_phone(match[0]) else match[0], line)


def phones_in(text: str) -> list[str]:
    """The phone numbers in ``text``, each once, the longest first.

    >>> phones_in("call 212 736 5000 at noon on 24.11.2026")
    ['212 736 5000']
    """
    if not has_long_number(text):
        return []
    found = dict.fromkeys(match[0].strip() for match in _PHONE.finditer(text) if _is_phone(match[0]))
    return sorted(found, key=len, reverse=True)


def has_long_number(line: str) -> bool:
    """Whether ``line`` has at least seven digits: fewer make no phone number."""
    return sum(map(str.isdigit, line)) >= 7


def _masked_iban(match: re.Match[str]) -> str:
    """The match with the IBAN at its beginning masked. Words after an IBAN fit the pattern too."""
    found = match[0]
    ends = [len(found), *(at for at in range(len(found) - 1, 14, -1) if found[at] in " -")]
    return next((f"[iban]{found[end:]}" for end in ends if _is_valid("iban", found[:end])), found)


def _is_valid(name: str, number: str) -> bool:
    """Whether the module ``name`` of python-stdnum takes ``number``."""
    try:
        return bool(_module(name).is_valid(number))
    except Exception:  # some modules fail on numbers that they do not expect: cn.ric on provinces without counties
        return False


def _is_card(text: str) -> bool:
    """Whether the digits of ``text`` end in Luhn's check digit (ISO/IEC 7812-1)."""
    digits = [int(char) for char in text if char.isdigit()][::-1]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


@cache
def _module(name: str) -> Any:
    return import_module(f"stdnum.{name}")


@cache
def _phonenumbers() -> Any:
    import phonenumbers  # slow to import, and few messages hold a number

    return phonenumbers


def _is_phone(text: str) -> bool:
    numbers = _phonenumbers()
    if _DATE.fullmatch(text.strip()):
        return False
    for region in (None, "US", "GB", "DE"):
        try:
            if numbers.is_valid_number(numbers.parse(text, region)):
                return True
        except numbers.NumberParseException:
            continue
    return False

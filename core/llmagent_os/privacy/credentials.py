"""Finds credentials in a text: tokens by their shape, and whatever stands after a word such as *password*.

The shapes of tokens are those of detect-secrets. Only its detectors of one issuer's tokens are used: its entropy
detectors take identifiers and long words for secrets. Its keyword list names the fields of code and settings; people's
own words for a password are here, in several languages.
"""

from __future__ import annotations

import re
import warnings
from functools import cache
from importlib import import_module

#: The modules of detect-secrets whose detectors are used, each with its class.
_DETECTORS = {
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "mailchimp": "MailchimpDetector",
    "openai": "OpenAIDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}

#: A word that may be a token: long, without spaces. Texts without such a word are searched for no token.
_LONG_WORD = re.compile(r"[^\s]{16}")

#: Tokens that detect-secrets does not know, or knows in an older shape only.
_TOKEN = re.compile(
    r"""\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}      # OpenAI, Anthropic, Stripe
      | \bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,} | \bxapp-[A-Za-z0-9-]{10,} # Slack
      | \bgh[oprsu]_[A-Za-z0-9]{20,} | \bgithub_pat_\w{20,}                   # GitHub
      | \bhf_[A-Za-z0-9]{20,} | \bAIza[\w-]{30,} | \bya29\.[\w-]{20,}         # Hugging Face, Google
      | \bA[KS]IA[0-9A-Z]{16}\b                                               # AWS
      | \b\d{8,10}:[A-Za-z0-9_-]{35}(?![\w-])                                 # Telegram
      | \b[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,}                      # Discord
      | \beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?                                # JSON Web Tokens
      | \bAGE-SECRET-KEY-1[A-Z0-9]{20,}                                       # age""",
    re.VERBOSE,
)

#: The rest of a word after a detector's match: a token is masked whole or it comes back in part.
_REST = r"[A-Za-z0-9_+/=-]*"

_PRIVATE_KEY = re.compile(
    r"-----BEGIN[ A-Z0-9]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END[ A-Z0-9]*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.DOTALL
)

#: A password inside an address: ``postgres://ana:hunter22@db``.
_IN_ADDRESS = re.compile(r"(\b[a-z][a-z0-9+.-]{1,30}://[^\s:/@]{0,200}:)([^\s/@]{1,200})(?=@)", re.IGNORECASE)

#: ``Authorization: Bearer …``, and a bearer token without its header.
_AUTHORIZATION = re.compile(
    r"(\b(?:proxy-)?authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:[A-Za-z]{3,12}\s+)?)([^\s\"',;]{3,})", re.IGNORECASE
)
_BEARER = re.compile(r"(\bbearer(?:\s+token)?:?\s+)(?=\S{16}|\S{0,40}[\d._~+/=-]\S)([\w.~+/=-]{6,})", re.IGNORECASE)

#: Words for a secret in field names, also inside longer names: ``aws_secret_access_key``, ``db-password``.
_FIELD_WORD = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|credentials?|api[_-]?key|access[_-]?key|auth[_-]?key|account[_-]?key"
    r"|service[_-]?key|client[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key"
    r"|(?:access|auth|bearer|bot|api|refresh|session|id|app)[_-]?token"
    r"|passwort|kennwort|contrase(?:ñ|n)a|senha|mot_de_passe|wachtwoord|has(?:ł|l)o|пароль)"
)
_FIELD = re.compile(
    rf"""((?<![\w-])[\w.-]{{0,40}}?{_FIELD_WORD}[\w.-]{{0,40}}?[\"'\]]{{0,2}}\s{{0,3}}(?:[:=]=?|=>|:=)\s{{0,3}})
         ("(?:[^"\\\n]|\\.)+"|'(?:[^'\\\n]|\\.)+'|[^\s"',;&}}\]]{{2,}})""",
    re.VERBOSE | re.IGNORECASE,
)
#: A field whose value is secret, whatever it is.
_SECRET_NAME = re.compile(rf"{_FIELD_WORD}|^(?:pw|pin|cvv|cvc|token|ssn|iban)$", re.IGNORECASE)

#: What people call a password, in English, German, Spanish, French, Italian, Portuguese, Dutch, Polish, Turkish,
#: Russian, Chinese, Japanese and Korean.
_NOUN = (
    r"(?:(?:pass(?:word|phrase|code|wd)|pass\s(?:word|phrase|code))s?|pwd|kennwort|passwort|kennwörter|passwörter"
    r"|(?:wlan|wifi|wi-fi)[ -]?(?:schlüssel|key)|netzwerkschlüssel|zugangscode"
    r"|contraseña|contrasena|clave\s(?:de|del)\s\w+|mot\sde\spasse|mdp|parola\sd['’]ordine|senha|palavra-passe"
    r"|wachtwoord|has(?:ł|l)o|şifre(?:m|si)?|parola|пароль"
    r"|(?:api|access|secret|private|auth|encryption|recovery|licen[cs]e)[ _-]?(?:access[ _-]?)?keys?"
    r"|(?:access|auth|api|bot|bearer|session|client)?[ _-]?(?:token|secret)|(?:client|shared)[ _-]secret"
    r"|(?:login|log-in)\s(?:code|data)|credentials?)"
)
_IS = r"(?:'s|’s|\s+(?:is|are|was|ist|lautet|sind|es|est|è|é|to)\b(?:\s+(?:now|currently|still|jetzt|set\s+to))?)"
#: Up to five words between the noun and its value: "the password for my bank account is …".
_FOR = (
    r"(?:\s+(?:for|of|to|on|at|from|für|fürs|vom|von|zum|im|in|de|del|du|da|do|pour|para|voor|dla)"
    r"(?:\s+[\w'’.@-]{1,24}){1,4}?)?"
)
_VALUE = r"[\"'“”‘’«»„`(\[<]{0,2}([^\s\"“”«»„`<>]{2,}[^\s\"“”‘’«»„`'.,!?;:)\]<>]|[^\s\"'“”«»„`.,!?;:)\]<>]{3,})"

_STATED = re.compile(rf"(\b{_NOUN}{_FOR}(?:\s{{0,3}}(?:[:=→]|=>|->)|{_IS}\s*:?)\s{{0,3}}){_VALUE}", re.IGNORECASE)
_QUOTED = re.compile(
    rf"(\b{_NOUN}{_FOR}(?:\s{{0,3}}[:=]|{_IS})?\s{{0,3}}[\"“„«`])([^\"“”«»„`\n]{{3,80}})(?=[\"”“»`])", re.IGNORECASE
)
#: A password right after its noun must look like one; "password reset" does not.
_ADJACENT = re.compile(
    rf"(\b{_NOUN}\s+[\"'“‘«„`]?)(?=\S{{0,40}}?(?:\d|(?-i:[a-z][A-Z])|[@#$%^&*_!?+=~]\S))([^\s\"“”«»„`]{{4,}})",
    re.IGNORECASE,
)
_ABBREVIATED = re.compile(rf"(\b(?:pw|pwd|mdp|passwd)\b\s*(?:(?:[:=]|is|ist)\s*)?){_VALUE}", re.IGNORECASE)
#: A phrase of several words.
_PHRASE = re.compile(
    r"(\b(?:pass\s?phrase|seed\s?phrase|recovery\s?phrase|mnemonic)(?:\s+(?:is|ist)|\s{0,3}[:=])\s*)"
    r"([\"“„]?\w[\w ,'-]{2,300})",
    re.IGNORECASE,
)
_PIN = re.compile(
    r"(\b(?:pins?(?:[ -]?(?:code|number|nummer))?|puk|cvv|cvc2?|cvv2|tan|otp"
    r"|(?:security|verification|door|alarm|gate|entry|access|one[- ]time)[ -]code"
    r"|geheimzahl|código pin|code pin)\b"
    r"(?:\s+(?:for|of|to|für|vom|de)(?:\s+[\w'’-]{1,24}){1,3}?)?\s*(?:[:=]|is|are|ist|lautet|es|est)?\s*)"
    r"(\d[\d -]{1,10}\d)\b",
    re.IGNORECASE,
)
_EAST_ASIAN = re.compile(
    r"((?:密码|密碼|口令|パスワード|暗証番号|비밀번호|암호)\s*(?:是|为|為|は|가|는|은|[:：=])?\s*)([!-~]{3,})"
)

#: Any of these has to be in a line, in small letters, before the rules for named secrets are tried.
_HINTS = (
    "pass pw kennw secret token key clave contrase mdp senha palavra wachtw hasł haslo şifre parola пароль credential"
    " phrase mnemonic schlüssel code pin puk cvv cvc otp geheimzahl tan authoriz bearer login log-in"
    " 密 口令 パスワ 暗証 비밀 암호"
).split()

#: Words that follow a noun for a password and are none. Without these, "the password is wrong" would lose its meaning.
_NO_VALUE = frozenset(
    "wrong not the expired incorrect invalid required too still being missing weak strong stored in on at my your our"
    " their his her its a an of for and or but needed due about reset resets resetting change changed changes manager"
    " protected policy expires expire secret secure safe same different unknown lost gone correct right fine ok okay"
    " rotation review recovery sharing update updated list vault audit meeting please here there it this that what"
    " falsch nicht das der die mein abgelaufen ungültig vergessen ändern geändert zurücksetzen zu ein eine weg"
    " incorrecta incorrecto una un la el mala oublié expiré incorrect no yes forgotten already used again been"
    " out something anything written under with from by to is are was as if when where also very so"
    # a day, or what people put into a calendar: "PW: lunch tomorrow"
    " today tonight tomorrow monday tuesday wednesday thursday friday saturday sunday next day week morning"
    " noon evening heute morgen übermorgen montag dienstag mittwoch donnerstag freitag samstag sonntag hoy"
    " mañana demain domani lunch dinner breakfast call talk workshop session training party buy bring tell ask"
    " importante wichtig".split()
)

#: A time of day: "Passwords: 10:30 review".
_TIME = re.compile(r"\d{1,2}(?:[:h]\d\d(?:[ap]m)?|[ap]m)(?:[-–]\d{1,2}(?:[:h]\d\d)?(?:[ap]m)?)?", re.IGNORECASE)


def mask_private_keys(text: str) -> str:
    """``text`` with private keys in PEM blocks masked. They have several lines; all other credentials have one."""
    return _PRIVATE_KEY.sub("[secret]", text) if "PRIVATE KEY" in text else text


def mask_credentials(line: str) -> str:
    """One line with its credentials masked.

    >>> mask_credentials("pw hunter22, and the wifi password is Blue-Sky")
    'pw [secret], and the wifi password is [secret]'
    >>> mask_credentials("the password is wrong: password reset at 3")
    'the password is wrong: password reset at 3'
    >>> mask_credentials('{"password": "hunter 22"}')
    '{"password": "[secret]"}'
    """
    if _LONG_WORD.search(line):
        line = _TOKEN.sub("[secret]", line)
        for pattern in token_patterns():
            line = pattern.sub("[secret]", line)
        line = _IN_ADDRESS.sub(r"\1[secret]", line)
    lowered = line.lower()
    if not any(hint in lowered for hint in _HINTS):
        return line
    line = _AUTHORIZATION.sub(r"\1[secret]", line)
    line = _BEARER.sub(r"\1[secret]", line)
    if ":" in line or "=" in line:
        line = _FIELD.sub(_masked_field, line)
    line = _PHRASE.sub(_masked, line)
    for pattern in (_QUOTED, _STATED, _ADJACENT, _ABBREVIATED):
        line = pattern.sub(_masked, line)
    line = _PIN.sub(r"\1[secret]", line)
    return _EAST_ASIAN.sub(r"\1[secret]", line)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a credential, whatever its value is.

    >>> is_secret_name("db_password"), is_secret_name("title")
    (True, False)
    """
    return _SECRET_NAME.search(name) is not None


@cache
def token_patterns() -> tuple[re.Pattern[str], ...]:
    """The patterns of detect-secrets, extended to the end of the word. The first call imports it: 0.3 s."""
    found: list[re.Pattern[str]] = []
    for module, name in _DETECTORS.items():
        # A warning of the import would be logged, and so masked, by what is just being imported.
        with warnings.catch_warnings(action="ignore"):
            detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
        found += [
            re.compile(rf"(?<![A-Za-z0-9])(?:{pattern.pattern}){_REST}", pattern.flags) for pattern in detector.denylist
        ]
    return tuple(found)


def _masked_field(match: re.Match[str]) -> str:
    value = match[2]
    quote = value[0] if value[0] in "\"'" else ""
    bare = value.strip("\"'")
    if not quote and (_is_no_value(bare) or bare.startswith(("[secret", "${", "<"))):
        return match[0]
    return f"{match[1]}{quote}[secret]{quote}"


def _masked(match: re.Match[str]) -> str:
    value = match[2]
    if _is_no_value(value) or value.startswith("[secret"):
        return match[0]
    return match[0][: match.start(2) - match.start()] + "[secret]" + match[0][match.end(2) - match.start() :]


def _is_no_value(word: str) -> bool:
    word = word.casefold().strip(".,!?;:'’")
    return word in _NO_VALUE or _TIME.fullmatch(word) is not None

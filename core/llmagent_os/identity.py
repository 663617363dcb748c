"""Names accounts and people: an account on one platform, and the person that several accounts may belong to.

An :data:`Identity` is one account: ``platform:workspace:id``. A :data:`PersonId` names the person: it is the identity
under which the person's profile is kept, the first of those that the person has linked. The two are different types,
so that a type checker finds every place that would show one person another's data. A third kind of id is that of
:class:`~llmagent_os.events.Sender`: the platform's own, a plain string.

Only this module and the ledger make an identity or a person id out of a string, and only this module makes one of the
two out of the other. Who an account belongs to is answered by ``Ledger.identities.person``.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NewType
from urllib.parse import quote, unquote

from llmagent_os.errors import BadEventError, ConfigError
from llmagent_os.events import Event

#: One account, as one string that no other account on any platform has.
Identity = NewType("Identity", str)

#: One person: the identity under which their profile is kept. It is the only one unless they have linked more.
PersonId = NewType("PersonId", str)

#: Stands for the account where documents belong to none: those of adapters.
NO_ACCOUNT = Identity("")

#: Stands for the person where a reply is for no person: in scripts, and when a model is warmed up.
NOBODY = PersonId("")


def identity_of(event: Event) -> Identity:
    """The account that did ``event``.

    >>> from llmagent_os.events import Conversation, Message, Sender
    >>> room = Conversation(platform="slack", workspace="T1", channel="c1")
    >>> identity_of(Message(event_id="7", conversation=room, sender=Sender("U1"), text="hi", message_id="m"))
    'slack:T1:U1'
    """
    conversation = event.conversation
    return Identity(f"{conversation.platform}:{conversation.workspace}:{event.sender.user_id}")


def parse(text: str) -> Identity:
    """The identity that ``text`` is, for what a person typed on a command line, in a command or in a setting.

    Raises:
        ConfigError: ``text`` is no identity.

    >>> parse("slack:T024:U17")
    'slack:T024:U17'
    """
    identity = Identity(text)
    parts_of(identity)
    return identity


def parts_of(identity: Identity) -> tuple[str, str, str]:
    """The platform, the workspace and the platform's own id of an identity.

    Raises:
        ConfigError: ``identity`` is no identity.

    >>> parts_of(parse("slack:T024:U17")), parts_of(parse("telegram::4711"))
    (('slack', 'T024', 'U17'), ('telegram', '', '4711'))
    """
    platform, colon, rest = identity.partition(":")
    workspace, second, own_id = rest.partition(":")
    if not (colon and second and platform and own_id):
        raise ConfigError(f"a person is written platform:workspace:id (web:local:3f2a), not {identity!r}")
    return platform, workspace, own_id


def person_kept_under(identity: Identity) -> PersonId:
    """The person whose profile is kept under ``identity``.

    This is the person that the account belongs to only where the account is linked to no other, or is the first of
    the person's accounts. Otherwise it names the person that the account was before it was linked, whose profile is put
    aside until the account is unlinked. Ask ``Ledger.identities.person`` for the person that an account belongs to.
    """
    return PersonId(identity)


def first_identity_of(person_id: PersonId) -> Identity:
    """The account under which a person's profile is kept: one of the person's accounts."""
    return Identity(person_id)


def account_in_file_name(name: str) -> str:
    """What :func:`file_name_of` was given; the name itself where that was too long to be in it.

    >>> account_in_file_name(file_name_of("slack:T1:U1"))
    'slack:T1:U1'
    """
    return name if name.startswith("%%") else unquote(name, errors="surrogatepass")


def file_name_of(identifier: str) -> str:
    """A file name that no other identifier has, whatever characters a platform's ids are made of.

    Args:
        identifier: an identity, or a platform's own id of a person or an event.

    Raises:
        BadEventError: ``identifier`` is empty.

    >>> file_name_of("slack:T1:U1"), file_name_of("../../etc")
    ('slack%3AT1%3AU1', '%2E%2E%2F%2E%2E%2Fetc')
    """
    if not identifier:
        raise BadEventError("an id is empty: nothing can be stored under it")
    # Lone surrogates are not valid UTF-8, and yet a platform's JSON can hold them.
    name = quote(identifier, safe="", errors="surrogatepass").replace(".", "%2E")
    # File systems end at 255 bytes. What is cut off lives on in the hash; "%%" starts no name above.
    return name if len(name) <= 200 else f"%%{sha256(name.encode()).hexdigest()}"

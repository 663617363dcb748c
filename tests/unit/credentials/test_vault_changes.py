"""Changes of kept credentials that meet. What breaks without this: what a person removed or renewed is undone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from llmagent_os.credentials.credential import Credential, CredentialError, OAuthServer
from llmagent_os.credentials.oauth_flow import OAuthFlow, OAuthRefusedError
from llmagent_os.credentials.stored import StoredCredential
from llmagent_os.credentials.vault import Vault
from llmagent_os.identity import Identity
from tests.unit.agent_bench import NOON

ANA, BOB = Identity("memory::ana"), Identity("other::bob")
DRIVE = Credential(
    name="drive",
    kind="oauth2",
    title="your files",
    server=OAuthServer(token_url="https://t.example/", client_id="c", device_url="https://d.example/"),
)
OLD = StoredCredential(secret="old", given=NOON, refresh="r", ends=NOON)
NEW = StoredCredential(secret="new", given=NOON)


class Renewing(OAuthFlow):
    """A server at which the person acts while a token is renewed."""

    def __init__(self, vault: Vault, meanwhile: StoredCredential | None, *, refuses: bool) -> None:
        super().__init__()
        self.vault, self.meanwhile, self.refuses = vault, meanwhile, refuses

    async def renewed(self, server: OAuthServer, old: StoredCredential, now: object) -> StoredCredential:
        await self.vault.remove("p", "drive", ANA)
        if self.meanwhile is not None:
            await self.vault.put("p", "drive", ANA, self.meanwhile)
        if self.refuses:
            raise OAuthRefusedError("it has ended")
        return StoredCredential(secret="renewed", given=NOON, ends=NOON + timedelta(days=1))


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_renewal_brings_nothing_back(refuses: bool) -> None:
    vault = Vault(clock=lambda: NOON)
    await vault.put("p", "drive", ANA, OLD)
    vault.oauth = Renewing(vault, None, refuses=refuses)
    with pytest.raises(CredentialError) as error:
        await vault.usable("p", DRIVE, ANA)
    assert error.value.lack == "missing"
    assert await vault.read("p", "drive", ANA) is None

    await vault.put("p", "drive", ANA, OLD)
    vault.oauth = Renewing(vault, NEW, refuses=refuses)
    assert (await vault.usable("p", DRIVE, ANA)).secret == "new"
    assert await vault.read("p", "drive", ANA) == NEW


async def test_the_refusal_of_an_old_secret_is_not_noted_at_the_new_one() -> None:
    vault = Vault(clock=lambda: NOON)
    await vault.put("p", "drive", ANA, NEW)
    await vault.refused("p", "drive", ANA, "old")
    assert await vault.read("p", "drive", ANA) == NEW
    await vault.refused("p", "drive", ANA, "new")
    kept = await vault.read("p", "drive", ANA)
    assert kept is not None
    assert kept.refused


async def test_an_unlinked_account_keeps_what_it_gave_itself() -> None:
    linked = False

    async def accounts(identity: Identity) -> list[Identity]:
        return [ANA, BOB] if linked else [identity]

    vault = Vault(accounts=accounts, clock=lambda: NOON)
    await vault.put("p", "drive", ANA, OLD)
    linked = True
    await vault.put("p", "drive", BOB, NEW)
    assert await vault.read("p", "drive", ANA) == NEW
    linked = False
    assert await vault.read("p", "drive", ANA) is None
    assert await vault.read("p", "drive", BOB) == NEW

"""What of a guest is sealed, and under which key: name, source and addresses, each bound to its own row."""

from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct, json

from gateway import ids
from gateway.guestbook.forms import AddressView, GuestContent
from gateway.store.guestbook import Contact, Whole
from gateway.store.guests import NewContact
from gateway.vault import KeyDestroyed, Vault


class Profile(Struct, frozen=True, omit_defaults=True):
    """The sealed part of a guest's own row."""

    name: str | None = None
    source: str | None = None


NOTHING = Profile()
_decoder = json.Decoder(Profile)


class Seals:
    """Seals and opens what belongs to guests. Safe to use from any thread."""

    def __init__(self, vault: Vault, ids_: ids.Ids):
        self.keys = vault.keys
        self._vault, self._ids = vault, ids_

    def profile(self, key_id: int, uuid: bytes, profile: Profile) -> bytes | None:
        """Seal a guest's profile; None for one that says nothing."""
        if profile == NOTHING:
            return None
        return self._vault.seal(key_id, "guests", "profile", uuid, json.encode(profile))

    def open_profile(self, guest: Whole) -> Profile:
        """Open it again. Raises CannotOpen."""
        if guest.profile_sealed is None:
            return NOTHING
        return _decoder.decode(self._vault.unseal(guest.key_id, "guests", "profile", guest.uuid, guest.profile_sealed))

    def contact(self, key_id: int, kind: str, address: str, blind: bytes) -> NewContact:
        """A new contact point, its address sealed."""
        uuid = self._ids.new()
        return NewContact(uuid, kind, blind, self._vault.seal(key_id, "contacts", "address", uuid, address.encode()))

    def proof(self, key_id: int, uuid: bytes, proof: str) -> bytes:
        """Seal where the proof of a consent lies; `uuid` is the consent's."""
        return self._vault.seal(key_id, "consents", "proof", uuid, proof.encode())

    def said(self, key_id: int, uuid: bytes, said: bytes) -> bytes:
        """Seal what a list says of a guest until it is added to him; `uuid` is the fill's."""
        return self._vault.seal(key_id, "import_fills", "said", uuid, said)

    def open_said(self, key_id: int, uuid: bytes, sealed: bytes) -> bytes:
        """Open it again. Raises CannotOpen."""
        return self._vault.unseal(key_id, "import_fills", "said", uuid, sealed)

    def open_address(self, key_id: int, contact: Contact) -> str:
        """The address of a contact point. Raises CannotOpen."""
        return self._vault.unseal(key_id, "contacts", "address", contact.uuid, contact.address_sealed).decode()

    def open(self, guest: Whole) -> GuestContent:
        """All that is sealed of a guest; nothing, if he was erased since he was read. Raises CannotOpen."""
        try:
            profile = self.open_profile(guest)
            addresses = [
                AddressView(ids.public("cnt", one.uuid), one.kind, self.open_address(guest.key_id, one))
                for one in guest.contacts
            ]
        except KeyDestroyed:
            return GuestContent(None, None, [])
        return GuestContent(profile.name, profile.source, addresses)


def vouched(sealed: bytes | None, contacts: Sequence[NewContact]) -> bytes:
    """What an audit entry about a guest vouches for: a hash of the sealed profile and the sealed new addresses."""
    return sha256(b"".join([sealed or b"", *[contact.address_sealed for contact in contacts]])).digest()

"""`hub secrets`: the keys that stored secrets are encrypted with."""

import click

from hub.cli import opened
from hub.cli.lazy import command, epilog
from hub.cli.output import say, working
from hub.sdk.errors import SettingsError


@click.group(epilog=epilog("hub secrets new-key"))
def secrets() -> None:
    """Encryption keys of stored secrets."""


@command(secrets, name="new-key", example="hub secrets new-key")
def new_key(as_json: bool) -> None:
    """Print a new key for HUB_ENCRYPTION_KEYS; it is kept nowhere."""
    from hub.core import vault

    key = vault.new_key()
    say(as_json, {"key": key}, key)


@command(
    secrets,
    example="HUB_ENCRYPTION_KEYS=new,old hub secrets rotate",
)
def rotate(as_json: bool) -> None:
    """Encrypt all stored secrets anew with the first of HUB_ENCRYPTION_KEYS.

    Put the new key first and keep the old ones behind it, restart all processes,
    run this, then take the old keys away. It refuses while a process runs that
    doesn't know the new key. Broken off, it goes on when run again.
    """
    from hub.core import vault

    with opened.hub() as hub, working("Encrypting secrets anew"):
        done = vault.rotate(hub)
    if done.unreadable:
        raise SettingsError(
            f"{done.unreadable} of the stored secrets can't be opened by any key:"
            " add the key they were stored with to HUB_ENCRYPTION_KEYS and run this"
            f" again, or enter them again ({done.sealed_anew} were encrypted anew)."
        )
    say(
        as_json,
        {"sealed_anew": done.sealed_anew, "already_new": done.already_new},
        f"Encrypted anew: {done.sealed_anew}, already so: {done.already_new}. Older"
        " keys are not needed any more.",
    )

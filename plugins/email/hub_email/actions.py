"""What the hub does by e-mail: write the mail (pure), then one talk."""

from typing import Final

from hub.sdk.context import Context
from hub.sdk.errors import RejectedError, SettingsError
from hub.sdk.events import Message
from hub_email import letter, smtp
from hub_email.mailboxes import Mailbox, mailbox
from hub_email.provider import NO_MAILBOX, port_of

NO_RECIPIENT: Final = "Say who it is for: an e-mail needs an address."
NO_ADDRESS: Final = (
    "The recipient's address is none that mail can be sent to. Correct it: one"
    " address, such as name@example.com."
)
NO_TEXT: Final = "The message is empty: give it a text."
NO_BLOCKS: Final = "An e-mail takes text only: leave the blocks out."


def send_message(message: Message, ctx: Context) -> str:
    """Send one mail to one address; returns its Message-ID."""
    to, sender = _recipient(message), _sender(ctx)
    said = letter.letter(message)
    if not said.text:
        raise RejectedError(NO_TEXT)
    if message.blocks:
        raise RejectedError(NO_BLOCKS)
    key = ctx.idempotency_key()
    made = letter.mail(said, sender=sender, to=to, key=key, at=ctx.now())
    content = made.as_bytes()
    with smtp.talking(ctx, content, said.plain) as talk:
        smtp.send(talk, content, sender=sender, to=to)
        talk.leave()
    return letter.message_id(key, sender)


def test_connection(ctx: Context) -> str:
    """Go all the way up to a mail, and send none."""
    settings = ctx.settings
    _sender(ctx)
    with smtp.talking(ctx) as talk:
        talk.hoped("greeting", talk.noop()[0], 250)
        talk.leave()
    username = settings.get("username")
    how = f"signed in as {username}" if username else "without signing in"
    encrypted = "encrypted" if settings["tls"] in ("starttls", "tls") else "unencrypted"
    return (
        f"{settings['host']}:{port_of(settings)} answers ({encrypted}, {how}). No mail"
        " was sent: whether it may write as the sender shows with the first one."
    )


def _recipient(message: Message) -> Mailbox:
    if not message.to:
        raise RejectedError(NO_RECIPIENT)
    found = mailbox(message.to)
    if found is None:
        raise RejectedError(NO_ADDRESS)
    return Mailbox(found.local, found.domain)


def _sender(ctx: Context) -> Mailbox:
    found = mailbox(ctx.settings["from_address"])
    if found is None:
        raise SettingsError(f"from_address: {NO_MAILBOX}")
    return found

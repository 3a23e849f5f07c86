"""`hub tokens`: tokens for the API."""

import click

from hub.cli import opened
from hub.cli.lazy import command, epilog
from hub.cli.output import say, table


@click.group(epilog=epilog("hub tokens list"))
def tokens() -> None:
    """Tokens for the API."""


@command(tokens, example="hub tokens create ci --role ingest --json")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(["admin", "billing", "ingest"]), required=True
)
def create(name: str, role: str, as_json: bool) -> None:
    """Make a token. It is shown this once and kept nowhere."""
    from hub.core.people import accounts

    with opened.hub() as hub, hub.write() as session:
        token, plain = accounts.create_token(session, name, role, actor=opened.actor())
    say(
        as_json,
        {"id": token.id, "name": token.name, "role": token.role, "token": plain},
        f"{plain}\nKeep it now: it is not shown again.",
    )


@command(tokens, name="list", example="hub tokens list")
def list_tokens(as_json: bool) -> None:
    """List the tokens that are not revoked."""
    from hub.core.people import accounts

    with opened.hub() as hub, hub.read() as session:
        rows = [
            {
                "id": token.id,
                "name": token.name,
                "role": token.role,
                "ends_with": token.hint,
                "created_at": token.created_at.isoformat(timespec="minutes"),
                "last_used_at": token.last_used_at
                and token.last_used_at.isoformat(timespec="minutes"),
            }
            for token in accounts.tokens(session)
        ]
    table(
        as_json,
        rows,
        {
            "id": "Id",
            "name": "Name",
            "role": "Role",
            "ends_with": "Ends with",
            "last_used_at": "Last used",
        },
        empty="There are no tokens: `hub tokens create NAME --role ROLE` makes one.",
    )


@command(tokens, example="hub tokens revoke tok_01j0…")
@click.argument("token_id", metavar="ID")
def revoke(token_id: str, as_json: bool) -> None:
    """End a token."""
    from hub.core.people import accounts

    with opened.hub() as hub, hub.write() as session:
        accounts.revoke_token(session, token_id, actor=opened.actor())
    say(as_json, {"id": token_id, "revoked": True}, f"{token_id} is revoked.")

"""`hub users`: people who sign in."""

import sys

import click

from hub.cli import opened
from hub.cli.lazy import command, epilog
from hub.cli.output import say


@click.group(epilog=epilog("hub users create ada@example.com --role admin"))
def users() -> None:
    """People who sign in."""


@command(
    users,
    example="hub users create ada@example.com --role admin\n"
    "hub users create bob@example.com --role billing --password-stdin < password",
)
@click.argument("email")
@click.option("--role", type=click.Choice(["admin", "billing"]), required=True)
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)
def create(email: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """Add a person; without a password you get a one-time link to set one."""
    from hub.core.people import accounts, sign_in_links

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    with opened.hub() as hub, hub.write() as session:
        user = accounts.create_user(
            session, email, role, password=password, actor=opened.actor()
        )
        link = None if password_stdin else sign_in_links.create(session, user)
    data = {"id": user.id, "email": user.email, "role": user.role}
    text = f"{user.email} may sign in as {user.role}."
    if link:
        text += f"\nTo set the password (once, within a day): {link}"
    say(as_json, {**data, **({"link": link} if link else {})}, text)


@command(users, example="hub users link ada@example.com")
@click.argument("email")
def link(email: str, as_json: bool) -> None:
    """Make a one-time link with which a person sets a new password."""
    from hub.core.people import accounts, sign_in_links

    with opened.hub() as hub, hub.write() as session:
        user = accounts.person(session, email)
        url = sign_in_links.create(session, user)
    say(as_json, {"email": user.email, "link": url}, url)

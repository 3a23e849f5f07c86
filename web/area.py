"""An area of the site: its pages ask to sign in and check their forms."""

from flask import Blueprint

from web import security, session


def area(name: str) -> Blueprint:
    """Make the blueprint of an area."""
    made = Blueprint(name, __name__)
    made.before_request(session.ask_to_sign_in)
    security.protect(made)
    return made

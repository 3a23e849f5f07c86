"""What goes wrong in a talk, at which stage, and in which words."""

from collections.abc import Mapping
from typing import Final

from hub.sdk.simulator import Fault

# Kind → stages where it happens (the first that comes) and the reply there; a fault's
# `path` may name another stage: "/recipient".
REPLIES: Final[Mapping[str, Mapping[str, str]]] = {
    "429": {"greeting": "421 4.7.0 Too many mails from you, slow down"},
    "500": {"greeting": "451 4.3.0 Internal error"},
    "503": {"greeting": "421 4.3.2 Service not available"},
    "400": {"message": "554 5.7.1 Refused by policy"},
    "401": {
        "sign-in": "535 5.7.8 Username and password not accepted",
        "sender": "530 5.7.0 Authentication required",
    },
    "421": {"greeting": "421 4.3.2 Service shutting down"},
    "450": {"recipient": "450 4.2.1 Mailbox busy, try later"},
    "451": {"recipient": "451 4.3.0 Local error in processing"},
    "452": {"recipient": "452 4.2.2 Mailbox full for now"},
    "530": {"sender": "530 5.7.0 Authentication required"},
    "535": {"sign-in": "535 5.7.8 Username and password not accepted"},
    "550": {"recipient": "550 5.1.1 No such user here"},
    "551": {"recipient": "551 5.1.6 User has moved"},
    "552": {"message": "552 5.3.4 Message too big"},
    "553": {"recipient": "553 5.1.3 Mailbox name not allowed"},
    "554": {"message": "554 5.7.1 Refused by policy"},
    "junk": {"greeting": "<html>maintenance</html>"},
    "slow": {"greeting": ""},
    "drip": {"greeting": "250 slowly"},
    "drop": {"greeting": ""},
    "timeout_after": {"message": ""},
    "drop_after_data": {"message": ""},
}
MORE: Final = (
    *("421", "450", "451", "452", "530", "535"),
    *("550", "551", "552", "553", "554", "drop_after_data"),
)
# Recipients with a meaning, by what stands before the @.
RECIPIENTS: Final[Mapping[str, str]] = {
    "nobody": "550 5.1.1 No such user here",
    "full": "452 4.2.2 Mailbox full for now",
    "blocked": "554 5.7.1 Refused by policy",
}


def is_at(fault: Fault, stage: str) -> bool:
    """Tell whether a fault is due at a stage of the talk."""
    named = fault.path.strip("/")
    return stage == named if named else stage in REPLIES.get(fault.kind, {})


def reply_of(fault: Fault, stage: str) -> str:
    """Return the words of a fault."""
    replies = REPLIES[fault.kind]
    return replies.get(stage) or next(iter(replies.values()))

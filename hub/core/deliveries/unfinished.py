"""Deliveries that are not over, as conditions the partial indexes serve.

Written out, not as parameters: else SQLite does not see that an index over some
states serves, and reads all 100,000 rows of a connection at each look.
"""

from typing import Final

from sqlalchemy import text

DUE: Final = ("pending", "retrying")
# What comes after one of these has to wait; in doubt too: a person is deciding.
UNFINISHED: Final = (*DUE, "sending", "in_doubt")

is_due: Final = text("deliveries.state IN ('pending', 'retrying')")
is_retrying: Final = text(
    "deliveries.state IN ('pending', 'retrying') AND deliveries.state = 'retrying'"
)
is_sending: Final = text("deliveries.state = 'sending'")
is_suspect: Final = text("deliveries.lost_leases > 1")

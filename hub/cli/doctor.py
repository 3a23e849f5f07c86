"""`hub doctor`: what is wrong here and what to do."""

import sys

from hub.cli import opened
from hub.cli.lazy import command
from hub.cli.output import say, show, working


@command(example="hub doctor")
def doctor(as_json: bool) -> None:
    """Look at everything the hub needs; exit status 1 if something fails."""
    from hub.core.vitals import diagnosis

    with opened.hub(any_schema=True) as hub, working("Looking"):
        found = list(diagnosis.findings(hub))
    if as_json:
        say(True, [vars(each) for each in found], "")
    else:
        show(("", "What", "How it is"), [(e.state, e.name, e.text) for e in found])
    sys.exit(1 if any(each.state == "failed" for each in found) else 0)

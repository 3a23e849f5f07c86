"""The start page: what is healthy, what happened, what needs a person."""

from flask import render_template, request

from hub.core.configuration.live import live
from hub.core.queries import overview
from web.area import area
from web.chart import bars
from web.hub import the_hub
from web.pages import tryit
from web.session import person

pages = area("dashboard")


@pages.get("/")
def index() -> str:
    """Show the state of the whole hub on one page."""
    hub = the_hub()
    admin = person().role == "admin"
    known = live(hub)
    broken = [
        (plugin.name, known.plugin_state(plugin.name)[1])
        for plugin in hub.plugins.all()
        if known.plugin_state(plugin.name)[0] == "broken"
    ]
    ailing = [
        each
        for each in known.all()
        if each.error or each.state in ("needs_reauth", "degraded")
    ]
    with hub.read() as session:
        return render_template(
            "dashboard.html",
            connections=known.all(),
            ailing=ailing if admin else [],
            broken=broken if admin else [],
            chart=bars(overview.last_day(session), hub.settings.time_zone),
            money=overview.unmatched(session),
            deliveries=overview.stuck_deliveries(session) if admin else None,
            webhooks=overview.failed_webhooks(session) if admin else None,
            names=overview.connection_names(session),
            paid=request.args.get("paid", ""),
            payable=overview.payable(session) if tryit.shops() else [],
            shops=tryit.shops(),
        )

"""All providers' simulators on one port: `hub sim`."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from hub.plugins import Plugins
from hub.sdk.errors import SettingsError
from hub.sdk.simulator import compose, serve
from hub.settings import Settings


def application(settings: Settings) -> Callable[..., Iterable[bytes]]:
    """Mount every installed plugin's simulator under `/<plugin>/`.

    Their webhooks go to the plugin's first connection of this hub.
    """
    plugins = Plugins.load()
    mounted: dict[str, Any] = {}
    for plugin in plugins.all():
        if "simulator" in plugin.hooks:
            simulator = plugins.call(plugin.name, "simulator")
            simulator.configure(
                webhook_url=f"{settings.base_url}/webhooks/{plugin.name}"
            )
            mounted[plugin.name] = simulator
    return compose(mounted)


def main(settings: Settings, *, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until the process is ended."""
    try:
        with serve(application(settings), host=host, port=port) as server:
            print(f"Simulators: {server.url}", flush=True)  # noqa: T201
            threading.Event().wait()
    except OSError as error:
        raise SettingsError(f"Port {port} can't be used: {error.strerror}.") from error

"""All providers' simulators on one port: `hub sim`."""

import os
import threading

from hub.plugins import Plugins
from hub.sdk.errors import SettingsError
from hub.sdk.serving import Simulators, serve
from hub.sdk.simulator import Simulator
from hub.settings import Settings


def application(settings: Settings) -> Simulators:
    """Mount every installed plugin's simulator under `/<plugin>/`.

    Their webhooks go to the plugin's first connection of this hub.
    """
    # What they keep over a restart, such as the authority they sign with.
    os.environ.setdefault("HUB_SIM_DIR", str(settings.data_dir / "simulators"))
    plugins = Plugins.load()
    mounted: dict[str, Simulator] = {}
    for plugin in plugins.all():
        if "simulator" in plugin.hooks:
            simulator = plugins.call(plugin.name, "simulator")()
            simulator.configure(
                {"webhook_url": f"{settings.base_url}/webhooks/{plugin.name}"}
            )
            mounted[plugin.name] = simulator
    return Simulators(mounted)


def main(settings: Settings, *, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until the process is ended."""
    try:
        with serve(application(settings), host=host, port=port) as server:
            print(f"Simulators: {server.url}", flush=True)  # noqa: T201
            threading.Event().wait()
    except OSError as error:
        raise SettingsError(f"Port {port} can't be used: {error.strerror}.") from error

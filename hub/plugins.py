"""Find, load, quarantine and list plugins; call one plugin's hook."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from marshmallow import Schema

from hub.hookspecs import ENTRY_POINT_GROUP, EVENT_HOOKS, Hooks
from hub.sdk.errors import NotFoundError, PluginError
from hub.sdk.provider import Provider


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """An installed plugin; with `error` it is broken and has no hooks."""

    name: str
    distribution: str = ""
    version: str = ""
    provider: Provider | None = None
    hooks: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    error: str = ""

    @property
    def event_types(self) -> tuple[str, ...]:
        """The event types it hears."""
        return tuple(EVENT_HOOKS[name] for name in self.hooks if name in EVENT_HOOKS)


class Plugins:
    """All installed plugins by name. Loading never raises: what is broken is
    listed with its error and the hub starts without it."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self._plugins: dict[str, Plugin] = {}
        for plugin in plugins:
            self._add(plugin)

    @classmethod
    def load(cls) -> "Plugins":
        """Load everything installed under the entry-point group."""
        found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: e.name)
        return cls(_loaded(entry) for entry in found)

    def all(self) -> tuple[Plugin, ...]:
        """All plugins, broken ones too, by name."""
        return tuple(self._plugins.values())

    def get(self, name: str) -> Plugin:
        """Return the plugin; NotFoundError if it isn't installed."""
        try:
            return self._plugins[name]
        except KeyError:
            raise NotFoundError(
                f"There is no plugin {name!r}. `hub plugins list` shows what is"
                " installed."
            ) from None

    def provider(self, name: str) -> Provider:
        """Return the plugin's provider; PluginError if the plugin is broken."""
        plugin = self.get(name)
        if plugin.provider is None:
            raise PluginError(f"The plugin {name} is broken: {plugin.error}")
        return plugin.provider

    def has(self, name: str, hook: str) -> bool:
        """True if the plugin is installed, whole, and implements the hook."""
        plugin = self._plugins.get(name)
        return plugin is not None and hook in plugin.hooks

    def call(self, name: str, hook: str, **arguments: Any) -> Any:
        """Call one plugin's hook; PluginError if it doesn't implement it."""
        plugin = self.get(name)
        function = plugin.hooks.get(hook)
        if function is None:
            detail = f"is broken: {plugin.error}" if plugin.error else f"has no {hook}"
            raise PluginError(f"The plugin {name} {detail}.")
        return function(**arguments)

    def _add(self, plugin: Plugin) -> None:
        twin = self._plugins.get(plugin.name)
        if twin is not None:
            plugin = Plugin(
                name=plugin.name,
                error=f"Two plugins are named {plugin.name!r}: {twin.distribution} and"
                f" {plugin.distribution}. Uninstall one of them.",
            )
        self._plugins[plugin.name] = plugin


def check(name: str, module: object) -> Plugin:
    """Check one plugin object against the hook specifications.

    Raises PluginError saying what is wrong, for `hub plugins check` too.
    """
    manager = pluggy.PluginManager("hub")
    manager.add_hookspecs(Hooks)
    try:
        manager.register(module, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(_misfit(error, module)) from error
    hooks = {
        caller.name: _narrowed(implementation)
        for caller in manager.get_hookcallers(module) or ()
        for implementation in caller.get_hookimpls()
    }
    return Plugin(name=name, provider=_described(name, hooks), hooks=hooks)


def _loaded(entry: EntryPoint) -> Plugin:
    try:
        plugin = check(entry.name, entry.load())
    except PluginError as error:
        plugin = Plugin(name=entry.name, error=str(error))
    except Exception as error:  # a plugin may raise anything while it is imported
        text = f"It can't be imported: {type(error).__name__}: {_first_line(error)}"
        plugin = Plugin(name=entry.name, error=text)
    if entry.dist is None:
        return plugin
    return replace(plugin, distribution=entry.dist.name, version=entry.dist.version)


def _described(name: str, hooks: Mapping[str, Callable[..., Any]]) -> Provider:
    describe = hooks.get("describe_provider")
    if describe is None:
        raise PluginError("It has no describe_provider hook.")
    try:
        provider = describe()
    except Exception as error:
        raise PluginError(f"describe_provider failed: {_first_line(error)}") from error
    if not isinstance(provider, Provider):
        raise PluginError("describe_provider must return a hub.sdk Provider.")
    if provider.name != name:
        raise PluginError(
            f"Its provider is named {provider.name!r}, its entry point {name!r}."
        )
    _check_schema(provider)
    return provider


def _check_schema(provider: Provider) -> None:
    schema: Any = provider.settings  # a plugin may have written anything
    if not (inspect.isclass(schema) and issubclass(schema, Schema)):
        raise PluginError("Its settings must be a marshmallow Schema class.")
    try:
        declared = set(schema().fields)
    except Exception as error:
        raise PluginError(
            f"Its settings schema is bad: {_first_line(error)}"
        ) from error
    unknown = {key for group in provider.required for key in group} - declared
    if unknown:
        raise PluginError(f"It requires settings it doesn't declare: {sorted(unknown)}")


def _narrowed(implementation: pluggy.HookImpl) -> Callable[..., Any]:
    """Pass an implementation only the arguments it asks for, as pluggy does."""
    wanted = frozenset(implementation.argnames)

    def call(**arguments: Any) -> Any:
        return implementation.function(
            **{key: value for key, value in arguments.items() if key in wanted}
        )

    return call


def _misfit(error: pluggy.PluginValidationError, module: object) -> str:
    """What pluggy found, in one line and without the plugin's place on disk."""
    lines = str(error).replace(repr(module), "the plugin").splitlines()
    said = " ".join(line for line in lines if not line.startswith("hookimpl def"))
    return f"It doesn't fit hub.hookspecs: {said[:300]}."


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]

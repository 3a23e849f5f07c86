"""The composition root: everything one process of the hub works with."""

import base64
import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from cryptography.fernet import Fernet
from sqlalchemy.orm import Session

from hub.db import Database
from hub.jobs import Bell, redis_url
from hub.plugins import Plugins
from hub.sdk.errors import SettingsError
from hub.settings import Settings

KEY_FILE = "secret.key"
Part = TypeVar("Part")


@dataclass(kw_only=True)
class Hub:
    """One process's hub. `keys` encrypt secrets at rest, the first one is new."""

    settings: Settings
    database: Database
    plugins: Plugins
    bell: Bell
    keys: tuple[str, ...] = field(repr=False)
    _parts: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    _lock: Any = field(default_factory=threading.RLock, init=False, repr=False)

    def __post_init__(self) -> None:
        self.database.info["hub"] = self

    def read(self) -> AbstractContextManager[Session]:
        """Open a session that only reads."""
        return self.database.read()

    def write(self) -> AbstractContextManager[Session]:
        """Open a transaction."""
        return self.database.write()

    def part(self, make: Callable[["Hub"], Part]) -> Part:
        """Return what `make(hub)` makes: made once, when it is first asked for."""
        if make not in self._parts:
            with self._lock:
                if make not in self._parts:
                    self._parts[make] = make(self)
        return cast(Part, self._parts[make])

    @property
    def secret_key(self) -> str:
        """The key that signs sessions and links; derived where none is given."""
        given = self.settings.secret_key
        if given:
            return given
        return hashlib.sha256(b"sessions\0" + self.keys[0].encode()).hexdigest()

    def url(self, path: str) -> str:
        """The absolute address of a page."""
        return self.settings.base_url + path


def start(settings: Settings) -> Hub:
    """Put a process's hub together; connects to nothing yet."""
    if not settings.production:
        _make_folder(settings.data_dir)
    return Hub(
        settings=settings,
        database=Database(settings.database_url),
        plugins=Plugins.load(),
        bell=Bell(redis_url(settings)),
        keys=_keys(settings),
    )


def hub_of(session: Session) -> Hub:
    """Return the hub a session belongs to."""
    return cast(Hub, session.info["hub"])


def _keys(settings: Settings) -> tuple[str, ...]:
    keys = settings.encryption_keys or (_key_file(settings.data_dir),)
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise SettingsError(
                "HUB_ENCRYPTION_KEYS must hold keys of 32 bytes in URL-safe base64:"
                " make one with `hub secrets new-key`."
            ) from error
    return keys


def _key_file(folder: Path) -> str:
    """Read the key of the embedded default, or make it: once, for the owner only.

    It is written aside and linked into place, so that of several processes that
    start together all read the same whole key.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        return path.read_text().strip()
    except OSError as error:
        raise _unusable(folder, error) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"The data folder {folder} can't be used: {error.strerror}. Choose another"
        " with HUB_DATA_DIR or --data-dir."
    )


def _make_key(path: Path) -> None:
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(base64.urlsafe_b64encode(os.urandom(32)).decode())
    with suppress(FileExistsError):
        os.link(aside, path)
    aside.unlink()

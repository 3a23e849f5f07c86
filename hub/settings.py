"""Settings of the installation, from the environment or `.env`."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.sdk.errors import SettingsError

DEFAULT_PORT = 8000
BASE_URL_FILE = "base_url"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_FORMATS = ("console", "json")
_DATABASES = ("postgresql://", "postgresql+psycopg://", "sqlite:///")
_NAMELESS = "Your IT provider"
_SWITCH = {"": False, "off": False, "no": False, "on": True, "yes": True}
_REDIS = ("redis://", "rediss://", "unix://")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the installation is told from outside; docs/settings.md lists it all.

    `production` means HUB_DATABASE_URL is set: keys must then be given explicitly.
    `environ` is kept for the settings of connections (`SLACK_WEBHOOK_URL`).
    """

    data_dir: Path
    database_url: str = field(repr=False)  # it may hold a password
    redis_url: str | None = field(repr=False)
    production: bool
    secret_key: str | None = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    base_url: str
    time_zone: ZoneInfo
    overdue_steps: tuple[int, ...]
    log_level: str
    log_format: str
    api_call_days: int
    webhook_days: int
    trusted_proxies: int
    msp_name: str
    part_payments: bool
    autobill_days: int
    environ: Mapping[str, str] = field(repr=False)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; SettingsError names the one that is wrong.

    Without `environ`: the process's environment, which wins over `.env`.
    """
    env = dict(environ) if environ is not None else _process_environment()
    data_dir = Path(env.get("HUB_DATA_DIR") or "data").absolute()
    url = _url("HUB_DATABASE_URL", env, _DATABASES)
    secret_key = env.get("HUB_SECRET_KEY") or None
    keys = tuple(
        k.strip() for k in env.get("HUB_ENCRYPTION_KEYS", "").split(",") if k.strip()
    )
    if url:
        _require_production_keys(secret_key, keys)
    return Settings(
        data_dir=data_dir,
        database_url=url or f"sqlite:///{data_dir / 'hub.db'}",
        redis_url=_url("HUB_REDIS_URL", env, _REDIS) or None,
        production=bool(url),
        secret_key=secret_key,
        encryption_keys=keys,
        base_url=_base_url(env, data_dir),
        time_zone=_time_zone(env.get("HUB_TIME_ZONE") or "UTC"),
        overdue_steps=_steps(env.get("HUB_OVERDUE_STEPS") or "1,7,14,30"),
        log_level=_level(env.get("HUB_LOG_LEVEL") or "INFO"),
        log_format=_format(env.get("HUB_LOG_FORMAT")),
        api_call_days=_count("HUB_API_CALL_DAYS", env, default="30"),
        webhook_days=_count("HUB_WEBHOOK_DAYS", env, default="90"),
        trusted_proxies=_count("HUB_TRUSTED_PROXIES", env),
        msp_name=env.get("HUB_MSP_NAME", "").strip() or _NAMELESS,
        part_payments=_switch("HUB_PART_PAYMENTS", env),
        autobill_days=_count("HUB_AUTOBILL_DAYS", env, default="3"),
        environ=env,
    )


def _process_environment() -> dict[str, str]:
    from dotenv import dotenv_values

    stored = {k: v for k, v in dotenv_values(".env").items() if v is not None}
    return {**stored, **os.environ}


def _require_production_keys(secret_key: str | None, keys: tuple[str, ...]) -> None:
    missing = [
        name
        for name, value in (
            ("HUB_SECRET_KEY", secret_key),
            ("HUB_ENCRYPTION_KEYS", keys),
        )
        if not value
    ]
    if missing:
        raise SettingsError(
            f"HUB_DATABASE_URL is set (production), so {' and '.join(missing)} must be"
            " set too: see docs/settings.md for how to make them."
        )


def _url(name: str, env: Mapping[str, str], known: tuple[str, ...]) -> str:
    url = env.get(name, "")
    if url and not url.startswith(known):
        raise SettingsError(f"{name} must start with {' or '.join(known)}.")
    return url


def _base_url(env: Mapping[str, str], data_dir: Path) -> str:
    """HUB_BASE_URL, else where `hub up` runs on this data folder, so that commands
    in another terminal know its port."""
    url = env.get("HUB_BASE_URL") or _noted(data_dir / BASE_URL_FILE)
    url = url or f"http://localhost:{DEFAULT_PORT}"
    if not url.startswith(("http://", "https://")):
        raise SettingsError("HUB_BASE_URL must start with http:// or https://.")
    return url.rstrip("/")


def _noted(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _time_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsError(
            f"HUB_TIME_ZONE {name!r} is not known: write one such as Europe/Berlin."
        ) from error


def _steps(text: str) -> tuple[int, ...]:
    try:
        steps = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError as error:
        raise SettingsError("HUB_OVERDUE_STEPS must be days such as 1,7,14.") from error
    if not steps or steps[0] < 1:
        raise SettingsError("HUB_OVERDUE_STEPS must be days from 1 up, such as 1,7,14.")
    return steps


def _level(name: str) -> str:
    if name.upper() not in _LEVELS:
        raise SettingsError(f"HUB_LOG_LEVEL must be one of {', '.join(_LEVELS)}.")
    return name.upper()


def _format(name: str | None) -> str:
    if not name:
        return "console" if sys.stderr.isatty() else "json"
    if name.lower() not in _FORMATS:
        raise SettingsError("HUB_LOG_FORMAT must be console or json.")
    return name.lower()


def _count(name: str, env: Mapping[str, str], default: str = "0") -> int:
    value = env.get(name) or default
    if not value.isdigit():
        raise SettingsError(f"{name} must be a number such as 1.")
    return int(value)


def _switch(name: str, env: Mapping[str, str]) -> bool:
    value = env.get(name, "").strip().lower()
    if value not in _SWITCH:
        raise SettingsError(f"{name} must be on or off.")
    return _SWITCH[value]

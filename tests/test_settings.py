"""Settings of the portal: what is written is taken, what is wrong is named."""

from pathlib import Path

import pytest

from hub import settings
from hub.sdk.errors import SettingsError


@pytest.mark.parametrize(
    ("written", "meant"), [("", False), ("off", False), ("ON", True), ("yes", True)]
)
def test_part_payments_are_off_unless_switched_on(
    tmp_path: Path, written: str, meant: bool
) -> None:
    env = {"HUB_DATA_DIR": str(tmp_path), "HUB_PART_PAYMENTS": written}

    assert meant == settings.load(env).part_payments


def test_a_switch_that_is_neither_on_nor_off_is_named(tmp_path: Path) -> None:
    env = {"HUB_DATA_DIR": str(tmp_path), "HUB_PART_PAYMENTS": "maybe"}

    with pytest.raises(SettingsError, match="HUB_PART_PAYMENTS must be on or off"):
        settings.load(env)


def test_without_a_name_the_msp_is_your_it_provider(tmp_path: Path) -> None:
    env = {"HUB_DATA_DIR": str(tmp_path), "HUB_MSP_NAME": " "}

    assert "Your IT provider" == settings.load(env).msp_name
    assert "Harbour IT" == settings.load(env | {"HUB_MSP_NAME": "Harbour IT"}).msp_name

"""Phone numbers in their one form (E.164)."""

import phonenumbers

HINT = "Write a phone number with country code, as +49 30 123456."


def e164(text: str, country: str | None = None) -> str:
    """Return `+4930123456` for a number with its country code, or for one as it is
    written in `country` (two letters). ValueError says how to write it."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        raise ValueError(HINT) from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError(HINT)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

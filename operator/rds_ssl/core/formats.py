"""How values are spelled: the forms in which they are compared and written. Pure."""

import re


def host_name(text: str) -> str:
    """Bring an endpoint into the form that is compared: lower case, no port, no trailing dot."""
    return re.sub(r":[0-9]+$", "", text.strip()).rstrip(".").lower()

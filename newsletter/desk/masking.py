"""Addresses as lists show them: enough to tell rows apart, too little to copy."""

_HIDDEN = "•••"


def masked(address: str) -> str:
    """Return the address with only the first character of its name and of its domain, and the
    top-level domain; “–” for none.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        return "–"
    host, dot, top = domain.rpartition(".")
    ending = f".{top}" if dot else ""
    return f"{local[:1]}{_HIDDEN}@{(host or top)[:1]}{_HIDDEN}{ending}"

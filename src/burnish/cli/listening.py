"""A port of this machine."""

from __future__ import annotations

import errno
import socket

from burnish.errors import InvalidInput


def listen(host: str, port: int, field: str = "port") -> socket.socket:
    """Listen there, before anything is loaded or an address is shown that somebody else answers.

    Args:
        field: what a message calls the port.

    Raises:
        InvalidInput: another process has the port, or this machine does not have the address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        named, value = (field, port) if error.errno == errno.EADDRINUSE else ("host", host)
        remedy = f"cannot listen on {host}:{port}: {error.strerror}; choose another"
        raise InvalidInput.of(named, value, remedy) from None

"""Where a connection may lead: to public addresses and to origins that the user named, at every hop."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from neurodata4ml.errors import ArchiveError
from neurodata4ml.names import without_secrets

PORTS = {"http": 80, "https": 443}
"""The schemes that are spoken, and their ports."""

GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
UNIQUE_LOCAL = ipaddress.ip_network("fc00::/7")
NAT64 = ipaddress.ip_network("64:ff9b::/96")
CARRIER = ipaddress.ip_network("100.64.0.0/10")
"""Addresses between a provider and its customers (carrier-grade NAT)."""

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Reach:
    """Where the answers of a source may lead.

    Attributes
    ----------
    hosts : tuple of str
        Hosts that an answer may redirect to beside the one that was asked; ``*.x.org`` means all below ``x.org``.
    named : tuple of str
        Origins (see :func:`origin`) that the user named: only these may be on this machine or in a private network.
    anywhere : bool
        Whether an answer may redirect to any public host: where the user typed the address, and no entry stands for it.
    """

    hosts: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    anywhere: bool = False

    def refuse_hop(self, asked: str, here: str, target: str) -> None:
        """Raise a ``RefusedError`` unless, ``asked`` being the first address, ``here`` may redirect to ``target``."""
        host = _host(target)
        if _split(target).scheme not in PORTS:
            reason = f"it redirects to {without_secrets(target)}; only http:// and https:// are followed"
            raise RefusedError(here, reason, REPORT)
        if _split(here).scheme == "https" and _split(target).scheme != "https":
            where = without_secrets(target)
            reason = f"it redirects from https to {where}, where anybody on the way could change the data"
            raise RefusedError(here, reason, REPORT)
        if self.anywhere or host == _host(asked) or any(_matches(host, allowed) for allowed in self.hosts):
            return
        allowed = ", ".join(dict.fromkeys((_host(asked), *self.hosts)))
        reason = f"it redirects to {host or 'no host'}, and may redirect to {allowed} only"
        cure = f'If that host is right, add redirects = ["{host}"] to your own entry; for a shipped entry, report it.'
        raise RefusedError(here, reason, cure)


PUBLIC = Reach()
"""Public addresses, and no redirect to another host."""

REPORT = "Please report it; nothing was fetched from there."


class RefusedError(ArchiveError):
    """An address that may not be asked: which host we were at, why not, and what to do."""

    def __init__(self, url: str, reason: str, cure: str) -> None:  # noqa: D107
        super().__init__(f"{host_of(url)}: {reason}. {cure}")
        self.reason, self.cure = reason, cure


def origin(url: str) -> str:
    """Return scheme, host and port of an address: ``http://127.0.0.1:8765``, ``https://osf.io:443``."""
    refuse_scheme(url)
    scheme, host = _split(url).scheme, _host(url)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{_port(url) or PORTS[scheme]}"


def refuse_scheme(url: str) -> None:
    """Raise a ``RefusedError`` unless ``url`` is a whole address for http or https."""
    if _split(url).scheme not in PORTS or not _host(url):
        its = without_secrets(url)
        reason = f"{its!r} is no address for this; it must begin with https:// or http:// and name a host"
        raise RefusedError(url, reason, "Correct it where it was given: in your entry, or in NEURODATA4ML_DANDI_API.")
    _port(url)


def host_of(url: str | bytes | None) -> str:
    """Return host and port of an address, for messages."""
    return _split(str(url)).netloc.rpartition("@")[2] or without_secrets(str(url))


def trouble(address: str) -> str:
    """Return what an IP address is that must not be connected to (``"loopback"``, ...); empty for a public one."""
    ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    for kind in ("loopback", "unspecified", "multicast", "link_local"):
        if getattr(ip, f"is_{kind}"):
            return kind.replace("_", "-")
    if ip in CARRIER:
        return "carrier-internal"
    if ip in UNIQUE_LOCAL or (ip.version == 4 and ip.is_private):
        return "private"
    return "" if ip.is_global and (ip.version == 4 or ip in GLOBAL_UNICAST) else "reserved"


def _unwrapped(ip: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64), else the address."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    inner = ip.ipv4_mapped or ip.sixtofour
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else inner or ip


def _matches(host: str, allowed: str) -> bool:
    allowed = allowed.lower()
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed


def _host(url: str) -> str:
    return (_split(url).hostname or "").rstrip(".")


def _port(url: str) -> int | None:
    try:
        return _split(url).port
    except ValueError as error:
        raise RefusedError(url, f"{without_secrets(url)!r} names no port", "Correct it where it was given.") from error


def _split(url: str) -> SplitResult:
    """Return the parts of an address; what is none has none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")

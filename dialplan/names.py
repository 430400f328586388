"""Records of the domain name system as the dialplan sees them; who asks is handed from above."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsRecord:
    """One record.

    `order`: NAPTR's order or SRV's priority; `preference`: NAPTR's preference or SRV's weight; `text`: SRV's target,
    TXT's text; the rest is NAPTR's.
    """

    order: int = 0
    preference: int = 0
    port: int = 0
    text: str = ""
    flags: str = ""
    service: str = ""
    regexp: str = ""
    replacement: str = ""

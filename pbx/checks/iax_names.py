"""Names in iax.conf that look crossed: who registers as whom, and which section is whose."""

from __future__ import annotations

from pbx.checks.configuration import Configuration


def named_after_itself(configuration: Configuration) -> None:
    """Two boxes that register with each other, each with a section named after itself: neither finds the other.

    The section of the other end must bear the name that the other end gives: its register user.
    """
    settings = configuration.settings
    for registration in settings.registrations:
        peer = settings.peers.get(registration.user)
        if peer is None or not peer.dynamic:
            continue
        message = (
            f"we register as {registration.user}, and [{peer.name}] (host=dynamic) waits for somebody who registers "
            f"here as {peer.name}: is that the other end's name, or our own?"
        )
        advice = "[NAME] with the name that the other end registers as (the user of its register line)"
        configuration.found.warning(peer.place, message, text=f"[{peer.name}]", advice=advice, code="crossed-names")


def own_name(configuration: Configuration) -> None:
    """A peer with a fixed host whose username is the section's own name, with a section that nobody calls by."""
    settings = configuration.settings
    system = configuration.conf.systemname
    for name, peer in settings.peers.items():
        if not system or name != system or name not in settings.users or peer.dynamic:
            continue
        message = f"[{name}] bears our own systemname; the section of another box is named as that box calls itself"
        configuration.found.warning(
            peer.place, message, text=f"[{name}]", advice="[NAME] of the other box", code="crossed-names"
        )


def without_username(configuration: Configuration) -> None:
    """A peer that we log in to without a user name: the other end then goes by the address alone."""
    for peer in configuration.settings.peers.values():
        if peer.username or peer.dynamic or not (peer.secret or peer.outkey):
            continue
        message = f"[{peer.name}] has a secret or key to log in with, but no username to log in as"
        advice = "username = NAME  (of our section in the other end's iax.conf)"
        configuration.found.notice(peer.place, message, text=f"[{peer.name}]", advice=advice, code="no-username")


CHECKERS = (named_after_itself, own_name, without_username)

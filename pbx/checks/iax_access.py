"""Who gets in by iax.conf: open doors, rules that shut everyone out, contexts that are not there."""

from __future__ import annotations

from pbx.channels.iax2.acl import AccessList
from pbx.channels.iax2.settings import Peer, User
from pbx.checks.configuration import Configuration, nearest


def open_doors(configuration: Configuration) -> None:
    """A user without secret, keys and access list: anyone may call in. `[guest]` is meant so, and only told."""
    for user in configuration.settings.users.values():
        if user.needs_login or user.access:
            continue
        contexts = ", ".join(user.contexts) or "default"
        message = f"anyone may call into {contexts} by the name {user.name}: no secret, no inkeys, no permit and deny"
        text = f"[{user.name}]"
        if user.name == "guest":
            configuration.found.notice(user.place, message, text=text, code="open")
        else:
            advice = "secret = ..., or inkeys = ..., or deny and permit"
            configuration.found.warning(user.place, message, text=text, advice=advice, code="open")


def shut_doors(configuration: Configuration) -> None:
    """`deny` of everything below `permit`: the last rule that matches decides, so nobody gets in."""
    settings = configuration.settings
    told: set[AccessList] = set()
    for section in (*settings.users.values(), *settings.peers.values()):
        rules = section.access.rules
        if not rules or section.access in told:
            continue
        last = rules[-1]
        if last.permit or last.mask is not None or last.network.prefixlen != 0 or len(rules) < 2:
            continue
        told.add(section.access)
        message = f"nobody gets in by [{section.name}]: the last rule that matches decides, and this one is the last"
        advice = "deny = 0.0.0.0/0.0.0.0 above the permit lines"
        configuration.found.warning(last.place, message, text=f"deny = {last.network}", advice=advice, code="acl-order")


def contexts(configuration: Configuration) -> None:
    """Contexts that users call into must be in extensions.conf."""
    known = configuration.contexts
    if not known:
        return
    for user in configuration.settings.users.values():
        for name in user.contexts or ("default",):
            if name == "*" or name in known:
                continue
            near = nearest(name, known)
            message = f"extensions.conf has no context [{name}]; calls by [{user.name}] end there with cause 3"
            advice = f"context = {near}" if near else f"[{name}] in extensions.conf"
            place = user.place_of("contexts")
            text = f"context = {name}" if user.contexts else f"[{user.name}]"
            configuration.found.warning(place, message, text=text, advice=advice, code="no-such-context")


def friends_elsewhere(configuration: Configuration) -> None:
    """A friend with a fixed host may call from any address that knows the secret, as in Asterisk."""
    for name, peer in configuration.settings.peers.items():
        user = configuration.settings.users.get(name)
        if user is None or not _fixed(peer) or user.access or not _by_password(user):
            continue
        host = peer.host
        message = f"host = {host} is only where calls go; who knows the secret may call as {name} from anywhere"
        advice = (
            f"deny = 0.0.0.0/0.0.0.0\npermit = {host}" if peer.static_ip else "deny and permit, if that is not meant"
        )
        configuration.found.notice(
            peer.place_of("host"), message, text=f"host = {host}", advice=advice, code="any-address"
        )


def _fixed(peer: Peer) -> bool:
    return bool(peer.host) and not peer.dynamic


def _by_password(user: User) -> bool:
    return bool(user.secrets or user.md5secret)


def crossed_login(configuration: Configuration) -> None:
    """A secret that is never asked for, or asked for and not there."""
    for peer in configuration.settings.peers.values():
        if peer.dynamic and not peer.needs_login and not peer.access:
            message = f"anyone may register as {peer.name} and get its calls: no secret, no inkeys, no permit and deny"
            configuration.found.warning(
                peer.place, message, text=f"[{peer.name}]", advice="secret = ...", code="open-registration"
            )


CHECKERS = (open_doors, shut_doors, contexts, friends_elsewhere, crossed_login)

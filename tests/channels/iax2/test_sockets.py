"""UDP sockets: a port has one owner, replies can name their address, buffers are as large as the kernel gives."""

from __future__ import annotations

import os
import socket

import pytest

from pbx.channels import log
from pbx.channels.iax2.sockets import CannotBind, bind, enlarge, is_free
from tests.channels.iax2.boxes import Boxes

HOST = "127.0.25.40"


def test_a_taken_port_is_refused_and_named() -> None:
    first = bind(1, HOST, 0)
    with pytest.raises(CannotBind, match=f"{HOST}:{first.port} is taken by another process"):
        bind(2, HOST, first.port)
    first.socket.close()
    again = bind(2, HOST, first.port)
    assert (again.number, again.host, again.port, again.wildcard) == (2, HOST, first.port, False)
    again.socket.close()


def test_a_closed_socket_is_held_by_another_descriptor() -> None:
    for host in (HOST, "::1"):
        bound = bind(1, host, 0)
        other = os.dup(bound.fd)
        bound.socket.close()
        assert not is_free(bound)
        os.close(other)
        assert is_free(bound)


def test_a_driver_has_stopped_once_its_ports_are_free() -> None:
    """The voice process holds them too, and lets go when it comes to it."""
    with Boxes() as boxes:
        box = boxes.box(f"[general]\nbindaddr={HOST}\nbindport=4569\n")
        other = os.dup(box.driver.sockets[0].fd)
        done = box.driver.stop()
        boxes.run(lambda: not box.driver.sockets)
        boxes.turn(0.1)
        assert not done.called
        os.close(other)
        boxes.run(lambda: done.called)


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(CannotBind, match=r"192\.0\.2\.1:4569"):
        bind(1, "192.0.2.1", 4569)


def test_both_wildcards_beside_each_other() -> None:
    four = bind(1, "0.0.0.0", 0)
    six = bind(2, "::", four.port)
    assert (four.wildcard, six.wildcard, six.family) == (True, True, socket.AF_INET6)
    four.socket.close()
    six.socket.close()


def test_the_kernel_says_which_address_was_asked() -> None:
    bound = bind(1, "0.0.0.0", 0)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.sendto(b"x", (HOST, bound.port))
    bound.socket.setblocking(True)
    bound.socket.settimeout(2)
    _, ancillary, _, _ = bound.socket.recvmsg(10, 256)
    found = {(level, kind): data for level, kind, data in ancillary}
    assert socket.inet_ntoa(found[socket.IPPROTO_IP, 8][8:12]) == HOST
    sender.close()
    bound.socket.close()


def test_buffers_are_enlarged_and_less_than_wanted_is_said_once() -> None:
    lines: list[log.Record] = []
    former = log.set_sink(lines.append)
    try:
        both = [bind(1, HOST, 0), bind(2, HOST, 0)]
        before = both[0].socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
        assert enlarge(both, before + 1024) >= before
        lines.clear()
        reached = enlarge(both, 2_000_000_000)
        assert len(lines) == (reached < 2_000_000_000)
        assert all("net.core.rmem_max" in line.text for line in lines)
    finally:
        log.set_sink(former)
        for one in both:
            one.socket.close()


@pytest.mark.parametrize(("host", "local", "far"), [("0.0.0.0", "127.0.37.9", "127.0.37.8"), ("::", "::1", "::1")])
def test_a_datagram_leaves_from_the_address_that_is_named(host: str, local: str, far: str) -> None:
    bound = bind(1, host, 0)
    with bound.socket, socket.socket(bound.family, socket.SOCK_DGRAM) as there:
        there.bind((far, 0))
        there.settimeout(5)
        assert bound.send(b"named", there.getsockname()[:2], local)
        data, source = there.recvfrom(100)
        assert (data, source[0], source[1]) == (b"named", local, bound.port)
        assert bound.send(b"any", there.getsockname()[:2], "")
        assert there.recvfrom(100)[0] == b"any"


def test_what_cannot_be_sent_is_told() -> None:
    bound = bind(1, HOST, 0)
    with bound.socket:
        assert not bound.send(bytes(70_000), (HOST, bound.port), "")  # larger than any datagram
        assert not bound.send(b"scoped", ("fe80::1%lo", bound.port), "")

"""A registrar tells of waiting messages: files as a stock voicemail leaves them, told to a stock client."""

from __future__ import annotations

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.conftest import need


@pytest.mark.parametrize("client", ["asterisk22", "asterisk16"])
def test_messages_are_told_with_the_registration(client: str) -> None:
    need(client)
    server, peer = f"{NET}.25.11", f"{NET}.25.12"
    ours = make_box("pbx", "mwi-server", HERE / "etc" / "mwi" / "server", server)
    theirs = make_box(client, "mwi-client", HERE / "etc" / "mwi" / "client", peer, PEER=server)
    for name in ("Old/msg0000.txt", "INBOX/msg0000.txt", "INBOX/msg0001.txt"):
        path = ours.home / "spool" / "voicemail" / "default" / "100" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    with running(ours, theirs):
        theirs.wait_log(rf"Registered IAX2 to '{server}.*who sees us as {peer}:4569 with 2 new and 1 old messages", 20)

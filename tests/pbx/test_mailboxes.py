"""Messages are counted where a stock voicemail keeps them."""

from __future__ import annotations

from pathlib import Path

from pbx.mailboxes import FRESH, Mailboxes


def test_messages_of_a_box_and_of_several(tmp_path: Path) -> None:
    def leave(name: str) -> None:
        path = tmp_path / "voicemail" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    for name in ("default/100/INBOX/msg0000.txt", "default/100/INBOX/msg0000.wav", "default/100/Urgent/msg0000.txt"):
        leave(name)
    for name in ("default/100/Old/msg0000.txt", "default/100/Old/msg0001.txt", "work/7/INBOX/msg0000.txt"):
        leave(name)
    now = [0.0]
    boxes = Mailboxes(str(tmp_path), lambda: now[0])
    assert boxes("100") == boxes("100@default") == (2, 2)
    assert boxes("100@default&7@work") == boxes("100, 7@work") == (2, 3)
    assert boxes("8@work") is None
    assert boxes("../default/100@work") is None
    leave("work/7/INBOX/msg0001.txt")
    assert boxes("7@work") == (0, 2)
    leave("work/7/INBOX/msg0002.txt")
    assert boxes("7@work") == (0, 2)
    now[0] += FRESH
    assert boxes("7@work") == (0, 3)

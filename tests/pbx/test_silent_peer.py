"""A qualified peer whose host is silent: a real daemon refuses to dial it, and does not try."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.pbx.running import Pbx

OWN, SILENT = "127.0.32.31", "127.0.32.32"

#: qualifyfreqok bounds the patience with a silent host, else 22 s
IAX = f"""
[general]
bindaddr = {OWN}
[gone]
type = peer
host = {SILENT}
qualify = yes
qualifyfreqok = 1000
"""
EXTENSIONS = """
[phones]
exten => 200,1,Dial(IAX2/gone/200,20)
 same => n,Log(NOTICE,ENDED ${DIALSTATUS} ${HANGUPCAUSE})
"""
#: second-last and last byte of the head of a full frame
IAX_FRAME, POKE, NEW = 6, 0x1E, 1


def test_an_unreachable_peer_is_not_dialled(tmp_path: Path) -> None:
    box = Pbx(tmp_path, iax=IAX, extensions=EXTENSIONS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((SILENT, 4569))
        silent.setblocking(False)
        box.start()
        try:
            box.wait_rx("iax2 show peers", "UNREACHABLE", 30)
            box.rx("channel originate Local/200@phones application Wait 1")
            box.wait_rx("core show channels count", "0 active channels")
            assert "ENDED CHANUNAVAIL 20" in box.messages
        finally:
            assert box.stop() == 0
        heard = []
        while True:
            try:
                heard.append(silent.recv(2048))
            except BlockingIOError:
                break
    kinds = {(data[10], data[11]) for data in heard}
    assert (IAX_FRAME, POKE) in kinds and (IAX_FRAME, NEW) not in kinds, kinds

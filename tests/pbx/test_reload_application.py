"""amd.conf and Reload in a running box: AMD takes its limits from the file, Reload reads it anew from the dialplan."""

from __future__ import annotations

from pathlib import Path

from tests.pbx.running import Pbx

EXTENSIONS = """
[phones]
exten => 700,1,Answer()
 same => n,AMD()
 same => n,Set(GLOBAL(FIRST)=${AMDSTATUS} ${AMDCAUSE})
 same => n,System(echo "total_analysis_time=600" >> ETC/amd.conf)
 same => n,Reload(app_amd)
 same => n,Set(GLOBAL(RELOADED)=${RELOADSTATUS})
 same => n,AMD()
 same => n,Set(GLOBAL(SECOND)=${AMDCAUSE})
 same => n,Reload(no_such)
 same => n,Set(STATUS=${RELOADSTATUS})
 same => n,Reload(APP_AMD)
 same => n,Set(STATUS=${STATUS} ${RELOADSTATUS})
 same => n,Reload(app_dial)
 same => n,Set(STATUS=${STATUS} ${RELOADSTATUS})
 same => n,Reload()
 same => n,Set(GLOBAL(STATUS)=${STATUS} ${RELOADSTATUS})
"""


def test_amd_conf_and_reload(tmp_path: Path) -> None:
    box = Pbx(
        tmp_path,
        extensions=EXTENSIONS.replace("ETC", str(tmp_path / "etc")),
        iax="[general]\nbindaddr = 127.0.32.9\n",
        amd="[general]\ntotal_analysis_time = 1000\ngreeting = long\ncolour = red\n",
    )
    box.start()
    try:
        assert box.run("channel originate Local/700@phones/n application Wait 9").returncode == 0
        shown = box.wait_rx("dialplan show globals", "STATUS=FAILURE SUCCESS")
    finally:
        box.stop()
    assert "FIRST=NOTSURE TOOLONG-900" in shown
    assert "RELOADED=SUCCESS" in shown
    assert "SECOND=TOOLONG-500" in shown
    assert "STATUS=FAILURE SUCCESS FAILURE SUCCESS" in shown
    assert "amd.conf:3" in box.messages and "amd.conf:4" in box.messages

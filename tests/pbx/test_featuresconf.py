"""features.conf: what comes of it, and what is said about the rest."""

from __future__ import annotations

from pathlib import Path

from pbx.conf.diagnostics import Diagnostics
from pbx.dialplan.featuremap import Dynamic
from pbx.featuresconf import FeaturesConf, load


def read(tmp_path: Path, text: str) -> tuple[FeaturesConf, list[int]]:
    (tmp_path / "features.conf").write_text(text)
    findings = Diagnostics()
    return load(str(tmp_path / "features.conf"), findings), [finding.place.line for finding in findings]


def test_settings_codes_and_applications(tmp_path: Path) -> None:
    conf, lines = read(
        tmp_path,
        "[general]\natxferabort => *7\nfeaturedigittimeout = 500\n[featuremap]\natxfer => *2\nblindxfer => #1\n"
        "[applicationmap]\nplain => #9,peer,Playback,tt-monkeys\nparen => #8,self/both,Set(A=1,B=2),jazz\n"
        'quoted => *9,caller,NoOp,"a,b",jazz\nbare => #6,callee,NoOp\n'
        "[grp]\nplain => #4\nparen =>\n",
    )
    assert lines == []
    assert conf.values == {"atxferabort": "*7", "featuredigittimeout": "500", "atxfer": "*2", "blindxfer": "#1"}
    assert list(conf.dynamic.values()) == [
        Dynamic("plain", "#9", True, "Playback", "tt-monkeys"),
        Dynamic("paren", "#8", False, "Set", "A=1,B=2", "jazz"),
        Dynamic("quoted", "*9", False, "NoOp", "a,b", "jazz"),
        Dynamic("bare", "#6", True, "NoOp"),
    ]
    assert conf.groups == {"grp": {"plain": "#4", "paren": ""}}


def test_what_is_wrong_is_said_and_the_rest_works(tmp_path: Path) -> None:
    conf, lines = read(
        tmp_path,
        "[general]\nfoo=1\nparkext=700\ntransferdigittimeout=x\nxfersound=\n[featuremap]\nautomon=*1\nnosuch=*5\n"
        "[applicationmap]\na => #7,peer\nb => #7,both,NoOp\nc => #7,self,NoOp\n[g]\nc =>\nd =>\n",
    )
    assert lines == [2, 3, 4, 7, 8, 10, 11, 15]
    assert conf.values == {"xfersound": ""} and set(conf.dynamic) == {"c"} and conf.groups == {"g": {"c": ""}}

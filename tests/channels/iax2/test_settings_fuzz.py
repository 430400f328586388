"""Whatever an iax.conf holds: settings and findings, never an exception."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.channels.iax2.settings import General, Peer, User
from pbx.channels.iax2.settings_diff import compare
from pbx.channels.iax2.settings_load import from_text
from tests.channels.iax2.test_settings import codes

NAMES = sorted({*General.table, *User.table, *Peer.table, "register", "type", "nonsense", "1.2.3.4/8", "²"})
_ODD = (
    "yes no 1 0 -1 99999999999999999999 ² 1.2.3.4 1.2.3.4/99 !1.2.3.4 ::1 [::1]:5 [:: a:b:c @ a:@b a:[k]@h:² h:² "
    "all,!ulaw ulaw:30,gsm:² mediaonly auto user peer friend dynamic general % [ ] / ! 1.2.3.4/255.0.255.0 "
    '1.2.3.4/x 1.2.3.4/² A=B = "x"<1> <> 0x² ²yes ef'
)
ODD = [*_ODD.split(), "9" * 5000, "1.2.3.4/" + "1" * 5000, "ulaw:" + "1" * 5000]
VALUES = st.sampled_from(ODD) | st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12)
SECTIONS = st.sampled_from(["[general]", "[callnumberlimits]", "[a]", "[b]", "[a](!)", "[b](a)", "[]"])


@st.composite
def files(draw: st.DrawFn) -> str:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        lines.append(draw(SECTIONS))
        if draw(st.booleans()):
            lines.append("type=" + draw(st.sampled_from(["user", "peer", "friend"])))
        lines += [f"{draw(st.sampled_from(NAMES))}={draw(VALUES)}" for _ in range(draw(st.integers(0, 5)))]
    return "\n".join(lines)


@settings(max_examples=400, deadline=2000)
@given(files(), files())
def test_any_file_loads(first: str, second: str) -> None:
    one, two = from_text(first), from_text(second)
    for loaded in (one, two):
        for section in (loaded.general, *loaded.users.values(), *loaded.peers.values()):
            for option in section.options():
                getattr(section, option.name)
                assert section.place_of(option.name).file in ("iax.conf", "")
        for user in loaded.users.values():
            user.access.check("1.2.3.4")
            assert user.methods
        for peer in loaded.peers.values():
            loaded.peers_by_host(peer.static_ip, peer.port)
        assert loaded.call_number_limit("1.2.3.4") > 0
        assert codes(loaded) == [(d.place.line, d.code) for d in loaded.diagnostics]
    assert not compare(one, from_text(first))
    list(compare(one, two).lines())


def test_every_option_with_every_odd_value() -> None:
    for head in ("[general]", "[callnumberlimits]", "[a]\ntype=user", "[a]\ntype=peer", "[a]\ntype=friend"):
        for name in NAMES:
            for value in ODD:
                loaded = from_text(f"{head}\n{name}={value}\n")
                assert loaded.general.listen
                assert all(isinstance(str(d), str) for d in loaded.diagnostics)

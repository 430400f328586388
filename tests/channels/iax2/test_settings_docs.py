"""docs/iax.conf.md is what the options say."""

from __future__ import annotations

import re
from pathlib import Path

from pbx.channels.iax2.options import Effect
from pbx.channels.iax2.settings import General, Peer, User
from pbx.channels.iax2.settings_docs import markdown


def test_the_page_is_up_to_date() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "iax.conf.md"
    assert page.read_text(encoding="utf-8") == markdown(), (
        "run: python -m pbx.channels.iax2.settings_docs > docs/iax.conf.md"
    )


def test_what_is_said_to_work_is_looked_at_by_somebody() -> None:
    root = Path(__file__).resolve().parents[3]
    files = [*root.glob("channels/iax2/*.py"), *root.glob("pbx/*.py"), *root.glob("pbx/console/*.py")]
    own = re.compile(r"(settings|options|values|acl|check)[a-z_]*\.py")
    code = "\n".join(path.read_text(encoding="utf-8") for path in files if not own.fullmatch(path.name))
    for kind in (General, User, Peer):
        for option in kind.options():
            used = re.search(rf'\.{option.name}\b|"{option.name}"', code) is not None or option.name in (
                "bindaddr",
                "bindport",
            )
            assert used or option.effect is not Effect.NOW, option.name


def test_every_spelling_has_a_row_with_a_word_on_what_it_does() -> None:
    page = markdown()
    for kind in (General, User, Peer):
        for spelling, option in kind.table.items():
            assert f"`{spelling}`" in page
            assert option.help.endswith("."), spelling
            assert option.values, spelling

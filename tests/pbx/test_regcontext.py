"""regcontext: extensions that come and go with registrations."""

from __future__ import annotations

from pbx.channels.events import Bus, PeerChanged
from pbx.channels.iax2.settings_load import from_text
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.model import Priority, Tables
from pbx.regcontext import RegisteredExtensions

CONF = """
[general]
regcontext=regs&more
[dyn]
type=friend
host=dynamic
regexten=700&701@more&702@elsewhere
[plain]
type=friend
host=dynamic
"""


def world() -> tuple[Bus, Dialplan, RegisteredExtensions]:
    bus, dialplan = Bus(), Dialplan()
    registered = RegisteredExtensions(bus, dialplan)
    registered.use(from_text(CONF))
    return bus, dialplan, registered


def extensions(dialplan: Dialplan) -> set[str]:
    return {f"{e.name}@{c.name}" for c in dialplan.contexts.values() for e in c}


def test_they_come_with_a_registration_and_go_with_it() -> None:
    bus, dialplan, _ = world()
    assert set(dialplan.contexts) == {"regs", "more"}
    bus.publish(PeerChanged("IAX2/dyn", "Registered", "127.0.53.2:4569"))
    bus.publish(PeerChanged("IAX2/plain", "Registered", "127.0.53.2:4569"))
    assert extensions(dialplan) == {"700@regs", "701@more", "plain@regs"}
    found = dialplan.find("regs", "700")
    assert found is not None and found.priority is not None
    assert (found.priority.application, found.priority.data, found.priority.registrar) == ("Noop", "dyn", "IAX2")
    bus.publish(PeerChanged("IAX2/dyn", "Unregistered", cause="expired"))
    assert extensions(dialplan) == {"plain@regs"}


def test_a_loaded_dialplan_and_a_reloaded_file_keep_them() -> None:
    bus, dialplan, registered = world()
    bus.publish(PeerChanged("IAX2/dyn", "Registered", "127.0.53.2:4569"))
    tables = Tables()
    other = Dialplan(tables)
    other.context("regs").add("800", Priority(1, "Answer"))
    dialplan.replace(tables)
    registered.restore()
    assert extensions(dialplan) == {"700@regs", "701@more", "800@regs"}
    registered.use(from_text(CONF.replace("regs&more", "third").replace("&701@more&702@elsewhere", "")))
    assert extensions(dialplan) == {"700@third", "800@regs"}
    assert "more" not in dialplan.contexts


def test_what_the_file_has_stays_the_files() -> None:
    bus, dialplan, _ = world()
    dialplan.context("regs").add("700", Priority(1, "Answer"))
    bus.publish(PeerChanged("IAX2/dyn", "Registered", "127.0.53.2:4569"))
    bus.publish(PeerChanged("IAX2/dyn", "Unregistered"))
    assert extensions(dialplan) == {"700@regs"}

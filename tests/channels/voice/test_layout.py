"""Structures of batch socket calls: as the C compiler has them here, and as other machines have them."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from pbx.channels.voice import layout

#: offsets of msghdr's fields, and sizes of msghdr, mmsghdr, iovec and the head of control data, by bytes of a pointer
#: (Linux: x86_64 and aarch64; i386 and 32-bit ARM)
ABI = {
    8: ([0, 8, 16, 24, 32, 40, 48], [56, 64, 16, 16]),
    4: ([0, 4, 8, 12, 16, 20, 24], [28, 32, 8, 12]),
}
_FIELDS = ("name", "namelen", "iov", "iovlen", "control", "controllen", "flags")


def _here(module: ModuleType) -> tuple[list[int], list[int]]:
    return (
        [getattr(module.Msghdr, field).offset for field in _FIELDS],
        [ctypes.sizeof(s) for s in (module.Msghdr, module.Mmsghdr, module.Iovec, module.Cmsghdr)],
    )


@pytest.mark.parametrize(("word", "kind"), [(8, ctypes.c_uint64), (4, ctypes.c_uint32)])
def test_layouts_follow_the_pointer(word: int, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same source on a machine of 32 bits: nothing in it is a fixed offset."""
    monkeypatch.setattr(ctypes, "c_size_t", kind)
    spec = importlib.util.spec_from_file_location("layout_elsewhere", Path(layout.__file__))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert _here(module) == ABI[word]
    assert module.MMSGHDR.itemsize == ABI[word][1][1]
    assert module.MMSGHDR.fields["len"][1] == ABI[word][1][0]
    address = layout.SockaddrIn(2, (0, 0), (127, 0, 0, 1))
    sent = module.control_for(bytes(address).ljust(28, b"\0"))
    assert len(sent) == {8: 32, 4: 24}[word]


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_layouts_are_the_compilers(tmp_path: Path) -> None:
    names = ["msg_name", "msg_namelen", "msg_iov", "msg_iovlen", "msg_control", "msg_controllen", "msg_flags"]
    lines = [f'printf("%zu ", offsetof(struct msghdr, {name}));' for name in names]
    sizes = ["msghdr", "mmsghdr", "iovec", "cmsghdr"]
    lines += [f'printf("%zu ", sizeof(struct {name}));' for name in sizes]
    heads = "#define _GNU_SOURCE\n#include <stdio.h>\n#include <stddef.h>\n#include <sys/socket.h>\n"
    (tmp_path / "a.c").write_text(heads + "int main(void) {" + "".join(lines) + "return 0; }")
    subprocess.run(["cc", "-o", str(tmp_path / "a"), str(tmp_path / "a.c")], check=True)
    found = [int(n) for n in subprocess.check_output([str(tmp_path / "a")]).split()]
    offsets, sizes_here = _here(layout)
    assert found == offsets + sizes_here

"""
Run a program as a container's runtime would, with what the kernel offers and no runtime.

    python -m support.contained ROOT [--user U:G] [--bind FROM:TO] [--env A=B] -- PROGRAM ...

It is process 1 of its own PID namespace, in a root that is mounted read-only, as a user without a
capability, now or ever (no_new_privs, an empty bounding set), with /proc, the usual devices and
nothing of this process's environment. It shares the network, and has no seccomp filter and no
limits. SIGTERM goes on to it, its exit status comes back, and it does not outlive this process.
Needs root.
"""

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
"""From linux/sched.h, linux/mount.h and linux/prctl.h."""

DEVICES = ("full", "null", "random", "urandom", "zero")

_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> NoReturn:
    """Run the program to its end; exit as it does, with 128 and more if a signal ended it."""
    parser = argparse.ArgumentParser(prog="python -m support.contained")
    parser.add_argument("root", type=Path)
    parser.add_argument("--user", default="65532:65532")
    parser.add_argument("--bind", action="append", default=[])
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("program", nargs="+")
    given = parser.parse_args()

    _succeed(_LIBC.unshare(CLONE_NEWNS | CLONE_NEWPID))
    # Else what is mounted here would be seen outside.
    _mount("none", Path("/"), flags=MS_REC | MS_PRIVATE)
    # Blocked until there is somebody to pass it on to.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        binds = [(Path(source), target) for source, target in (_pair(b, ":") for b in given.bind)]
        environ = dict(_pair(each, "=") for each in given.env)
        _run(given.root, given.user, binds, environ, given.program)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.exit(status if status >= 0 else 128 - status)


def _run(
    root: Path,
    user: str,
    binds: Sequence[tuple[Path, str]],
    environ: Mapping[str, str],
    program: Sequence[str],
) -> NoReturn:
    """Become the program, as process 1."""
    try:
        _mount(root, root, flags=MS_BIND)
        _mount("proc", root / "proc", kind="proc")
        _mount("tmpfs", root / "dev", kind="tmpfs", flags=MS_NOSUID)
        binds = [*binds, *((Path("/dev") / name, f"/dev/{name}") for name in DEVICES)]
        for source, target in binds:
            place = root / target.lstrip("/")
            _make_mount_point(source, place)
            _mount(source, place, flags=MS_BIND)
        for place in (root, root / "dev", *(root / each.lstrip("/") for _, each in binds)):
            _mount("none", place, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
        os.chroot(root)
        os.chdir("/")
        _give_up_rights(user)
        os.execvpe(program[0], list(program), environ)  # noqa: S606 - there is no shell, on purpose.
    except BaseException as error:  # noqa: BLE001 - it must not go on as a second parent.
        os.write(2, f"support.contained: {type(error).__name__}: {error}\n".encode())
    os._exit(127)


def _give_up_rights(user: str) -> None:
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        _succeed(_LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    _succeed(_LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    number, _, group = user.partition(":")
    os.setgroups([])
    os.setresgid(int(group), int(group), int(group))
    os.setresuid(int(number), int(number), int(number))
    # After the change of user, which forgets it.
    _succeed(_LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))


def _make_mount_point(source: Path, place: Path) -> None:
    """
    Create what a runtime would create in the writable layer of the container.

    Raises:
        ValueError: A link in the image leads out of it: something of the machine would be hidden.
    """
    if place.resolve() != place.absolute():
        raise ValueError(f"{place} is not where it seems to be")
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.touch()


def _mount(source: str | Path, target: Path, *, kind: str = "", flags: int = 0) -> None:
    _succeed(
        _LIBC.mount(
            os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), None
        )
    )


def _succeed(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _pair(text: str, separator: str) -> tuple[str, str]:
    name, _, value = text.partition(separator)
    return name, value


if __name__ == "__main__":
    main()

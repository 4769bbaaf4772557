"""A host that does not exist, told from a DNS that does not answer."""

import asyncio

import pytest

from rds_ssl.aliyun.names import DEADLINE, KEPT, WITNESSES, Names
from support import virtual_time

MISSING = "rds.cn-typo.aliyuncs.com"


class Dns:
    """Knows some hosts, and notes what it was asked."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.asked: list[str] = []
        self.hangs = False

    async def resolve(self, host: str) -> bool:
        """Tell whether a host is known."""
        self.asked.append(host)
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        return host in self.known


def told(dns: Dns, *questions: str, rest: float = 0.0) -> list[bool]:
    """Give the answers to some questions, one after another."""

    async def ask() -> list[bool]:
        names, answers = Names(dns.resolve), []
        for question in questions:
            answers.append(await names.exist_without(question))
            await asyncio.sleep(rest)
        return answers

    return virtual_time.run(ask())


@pytest.mark.parametrize("known", [(WITNESSES[0],), (WITNESSES[-1],), WITNESSES])
def test_a_host_of_the_vendor_that_is_found_testifies(known: tuple[str, ...]) -> None:
    assert told(Dns(*known), MISSING) == [True]


def test_nobody_testifies_where_dns_knows_no_host_of_the_vendor() -> None:
    dns = Dns("example.com")

    assert told(dns, MISSING) == [False]
    assert tuple(dns.asked) == WITNESSES


def test_a_host_does_not_testify_against_itself() -> None:
    assert told(Dns(WITNESSES[1]), WITNESSES[1]) == [False]


def test_dns_is_asked_once_in_a_while_for_all() -> None:
    dns = Dns(WITNESSES[0])

    assert told(dns, *[MISSING] * 50) == [True] * 50
    assert len(dns.asked) == 1
    assert told(dns, *[MISSING] * 2, rest=KEPT) == [True, True]
    assert len(dns.asked) == 3


def test_a_dns_that_hangs_is_waited_for_a_few_seconds() -> None:
    dns = Dns()
    dns.hangs = True
    slept: list[float] = []

    async def ask() -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await Names(dns.resolve).exist_without(MISSING)
        slept.append(loop.time() - began)
        return found

    assert not virtual_time.run(ask())
    assert slept == [pytest.approx(DEADLINE, abs=0.01)]

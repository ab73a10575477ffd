"""Measuring many proxies at once."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.bot.proxies.conftest import Certificates
from tests.bot.proxies.gates import breaks, gate, keeps_silent, nobody, opens, refuses
from tests.bot.proxies.site import Reply, site
from trio_chat.bot.proxies import Proxy
from trio_chat.bot.proxies.check import Checked, best_first, check_proxies


async def test_each_proxy_is_measured_and_any_answer_of_the_page_will_do(certificates: Certificates) -> None:
    told: list[Checked] = []
    refused = Reply("no key", status=401)
    async with (
        site({"/models": refused}, certificates.server) as running,
        gate(opens) as through,
        gate(refuses(502)) as no,
    ):
        proxies = [nobody(), through.proxy, no.proxy]
        await check_proxies(proxies, f"{running.url}/models", certificates.client, tries=2, tell=told.append)
        assert running.asked == [("/models", "trio_chat")] * 2
    by_proxy = {one.proxy: one for one in told}
    assert len(told) == len(by_proxy) == 3
    works = by_proxy[through.proxy]
    assert (works.available, works.status, works.why_not, len(works.times_s)) == (1.0, 401, None, 2)
    assert works.response_s is not None
    assert by_proxy[proxies[0]] == Checked(proxies[0], (), 2, None, "nobody listens there")
    assert by_proxy[no.proxy] == Checked(no.proxy, (), 2, None, "it refuses the tunnel (status 502)")


async def test_a_proxy_that_keeps_silent_is_given_up_and_one_that_breaks_off_is_told(
    certificates: Certificates,
) -> None:
    told: list[Checked] = []
    async with gate(keeps_silent) as silent, gate(breaks) as breaking:
        proxies = [silent.proxy, breaking.proxy]
        await check_proxies(
            proxies, "http://127.0.0.1:1/", certificates.client, timeout_s=2, tell=told.append, at_once=1
        )
        with trio.fail_after(60):
            await silent.left.wait()
    assert [one.why_not for one in told] == ["no answer within 2 s", "the tunnel broke before the answer came"]
    assert [one.available for one in told] == [0, 0]


async def test_no_more_than_asked_for_are_tried_at_a_time(certificates: Certificates) -> None:
    async with gate(keeps_silent) as silent, trio.open_nursery() as nursery:

        async def run() -> None:
            await check_proxies([silent.proxy] * 20, "http://127.0.0.1:1/", certificates.client, at_once=7)

        nursery.start_soon(run)
        with trio.fail_after(60):
            while len(silent.heads) < 7:
                await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked()
        assert len(silent.heads) == 7
        nursery.cancel_scope.cancel()


def test_the_best_come_first() -> None:
    def one(port: int, *times_s: float) -> Checked:
        return Checked(Proxy("http", "1.2.3.4", port), times_s, 2)

    checked = [one(1), one(2, 0.1), one(3, 0.5, 0.7), one(4, 0.3, 0.4), one(5, 0.05)]
    assert [done.proxy.port for done in best_first(checked)] == [4, 3, 5, 2, 1]
    assert checked[2].response_s == pytest.approx(0.6)
    assert checked[1].available == 0.5

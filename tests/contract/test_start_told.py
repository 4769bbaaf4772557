"""What the metrics tell of a process that has not begun to work."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from rds_ssl.app import Operator
from rds_ssl.settings import load
from support.api_stand_in import standing_in, write_kubeconfig
from support.polling import patience


def test_a_process_that_waits_for_its_rights_says_that_nobody_leads_its_shard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="rds_ssl.app")

    async def metrics() -> str:
        asked = asyncio.Event()

        async def no_right(_: web.Request) -> web.StreamResponse:
            asked.set()
            return web.json_response({})

        async with standing_in(tmp_path, tls=False) as server:
            server.answer = no_right
            user = {"token": "of-nobody"}
            path = write_kubeconfig(tmp_path / "config", cluster={"server": server.url}, user=user)
            variables = {
                "KUBECONFIG": path,
                "RDS_SSL_HTTP_BIND": "127.0.0.1:0",
                "RDS_SSL_SHARD": "2/8",
                "RDS_SSL_LEADER_ELECTION": "off",
            }
            running = asyncio.create_task(Operator(load(variables)).run())
            try:
                async with asyncio.timeout(patience(10)):
                    await asked.wait()
                (started,) = (each for each in caplog.records if each.message == "started")
                url = f"http://127.0.0.1:{vars(started)['http_port']}/metrics"
                async with aiohttp.ClientSession() as session, session.get(url) as answer:
                    return await answer.text()
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    told = asyncio.run(metrics())

    assert 'rds_ssl_leader{lease="rds-ssl-operator-2-of-8",shard="2/8"} 0.0' in told
    assert "rds_ssl_shards 8.0" in told

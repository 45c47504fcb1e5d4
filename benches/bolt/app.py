"""The Bolt for Python app that scripts/bench compares with: as app.js, on its asyncio server (aiohttp)."""

import asyncio
import json
import os
import sys

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

with open(os.environ["ANSWER"], encoding="utf-8") as file:
    ANSWER = json.load(file)


async def authorize(**_):
    return AuthorizeResult(
        enterprise_id=None, team_id=None, bot_token="xoxb-bench", bot_id="B0BENCH", bot_user_id="U0BENCH"
    )


app = AsyncApp(signing_secret=os.environ["SIGNING_SECRET"], authorize=authorize)


@app.command("/wk")
async def command(ack):
    await ack(ANSWER)


async def main():
    runner = web.AppRunner(app.web_app(path="/slack/events"), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    # The bench holds the other end; when it goes, so does this.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())

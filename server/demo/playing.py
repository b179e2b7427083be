"""Plays stories from their first step to the proof of the books."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from server.demo.asking import Api, Sandbox
from server.demo.proving import prove
from server.demo.stage import Stage
from server.demo.story import NotTold, Story
from server.demo.telling import Teller


async def play(stories: Sequence[Story], url: str, sandbox_url: str, patience_seconds: float, console: Console) -> None:
    """Raises Unplayable at the first thing that is not as its story says, or does not come in time."""
    teller = Teller(console)
    async with Api(url, patience_seconds) as api, Sandbox(sandbox_url, patience_seconds) as sandbox:
        for story in stories:
            stage = Stage(api, sandbox, story, teller, patience_seconds)
            try:
                await _play(stage)
            except NotTold:
                await stage.look()
                raise


async def _play(stage: Stage) -> None:
    await stage.look()
    if stage.story.needs_sandbox:
        await stage.sandbox.look()
    await stage.bring()
    stage.teller.begins(stage.story)
    async with stage.watched():
        for number, step in enumerate(stage.story.steps):
            await stage.play(step, number)
        proved = await prove(stage)
    stage.teller.balances(await stage.balances())
    stage.teller.ends(f"Played: {len(stage.story.steps)} steps came as the story says, and {proved}.")

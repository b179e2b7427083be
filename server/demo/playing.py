"""Plays stories from their first step to the proof of the books."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from server.demo.asking import Api
from server.demo.proving import prove
from server.demo.stage import Stage
from server.demo.story import NotTold, Story
from server.demo.telling import Teller


async def play(stories: Sequence[Story], url: str, patience_seconds: float, console: Console) -> None:
    """Raises Unplayable at the first thing that is not as its story says, or does not come in time."""
    teller = Teller(console)
    async with Api(url, patience_seconds) as api:
        for story in stories:
            stage = Stage(api, story, teller, patience_seconds)
            try:
                await _play(stage)
            except NotTold:
                await stage.look()
                raise


async def _play(stage: Stage) -> None:
    await stage.bring()
    stage.teller.begins(stage.story)
    async with stage.watched():
        for number, step in enumerate(stage.story.steps):
            await stage.play(step, number)
        proved = await prove(stage)
    stage.teller.balances(await stage.balances())
    stage.teller.ends(f"Played: {len(stage.story.steps)} steps came as the story says, and {proved}.")

"""The stories there are. A new one is a file and a line here."""

from __future__ import annotations

from server.demo.stories import bank, deals, disputes, payouts
from server.demo.story import Story

STORIES: dict[str, Story] = {story.name: story for story in (deals.STORY, bank.STORY, payouts.STORY, disputes.STORY)}

"""What the demo prints: what people do, and below it what is pushed meanwhile, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from server.demo.story import Answer, Shown, Story

COLOURS = {"operator": "magenta", "dashboard": "magenta", "worker": "yellow", "bank": "yellow", "sandbox": "yellow"}
PEOPLE = "cyan"


class Teller:
    """Each line is printed as soon as there is something to tell, and none is broken."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begins(self, story: Story) -> None:
        self._say(Text(f"\n{story.about}\n", style="bold"))

    def acts(self, who: str, does: str) -> None:
        self._say(Text.assemble((f"{who:<9}", f"bold {COLOURS.get(who, PEOPLE)}"), (does, "bold")))

    def answered(self, said: str) -> None:
        if said:
            self._say(Text.assemble(" " * 9, ("= ", "dim"), said))

    def event(self, who: str, event: Answer, shown: Shown | None) -> None:
        """One pushed event: when, at whom it arrived, what it is about, its name, where it led."""
        noun = event["__typename"].removesuffix("Event").removeprefix("Inbox")
        about, says = (shown.about(event), shown.says(event)) if shown else ("", "")
        led = f"-> {event['to']}" if event["from"] != event["to"] else ""
        at = datetime.fromisoformat(event["occurredAt"]).astimezone()
        self._say(
            Text.assemble(
                " " * 9,
                (f"{at:%H:%M:%S}.{at.microsecond // 1000:03} ", "dim"),
                (f"{who:<9} ", COLOURS.get(who, PEOPLE)),
                f"{noun:<11}{about:<12} ",
                (f"{event['name']:<15}", "green"),
                says or led,
            )
        )

    def balances(self, rows: Sequence[tuple[str, str, str, str]]) -> None:
        if not rows:
            return
        self._say(Text(f"\n{'':<9}{'':<10}{'available':>14}{'held':>14}", style="dim"))
        for name, currency, available, held in rows:
            self._say(Text.assemble(" " * 9, (f"{name:<10}", PEOPLE), f"{available:>14}{held:>14} {currency}"))

    def ends(self, said: str) -> None:
        self._say(Text(f"\n{said}\n", style="bold green"))

    def _say(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)

from __future__ import annotations

from tests.feed.conftest import relay, served, watch

__all__ = ["relay", "served", "watch"]

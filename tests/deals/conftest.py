"""What the tests of the feed start: a real API, the relay, dashboards."""

from tests.feed.conftest import relay, served, watch

__all__ = ["relay", "served", "watch"]

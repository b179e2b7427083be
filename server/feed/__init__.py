"""The feed: every change reaches everybody who may see it, once, in order.

One reader for each process tails the log (`reader`), and hands its events to groups of subscriptions that are answered
together (`cohorts`); each subscription catches up from the log by itself and then goes live (`following`).
"""

from server.feed.feed import Feed

__all__ = ["Feed"]

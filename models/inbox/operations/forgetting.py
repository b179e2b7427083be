"""What has ended long ago is forgotten; its events stay."""

from __future__ import annotations

from models.kernel.viewer import Viewer
from models.unit import Unit, step


@step()
async def forget_old(work: Unit, *, days: int, limit: int, by: Viewer) -> int:
    """Remove messages that ended more than `days` ago with their letters, and letters of queues. Answers how many went.

    From then on an event id is as good as new.
    """
    letters = await work.db.fetch(
        """DELETE FROM dead_letter WHERE id IN (
             SELECT l.id FROM dead_letter l LEFT JOIN inbox_message m ON m.id = l.message_id
              WHERE l.status IN ('redriven', 'discarded') AND l.updated_at < saldo_now() - make_interval(days => $1)
                AND (m.id IS NULL OR (m.status IN ('processed', 'ignored', 'discarded')
                                      AND m.updated_at < saldo_now() - make_interval(days => $1)))
              ORDER BY l.id LIMIT $2 FOR UPDATE OF l SKIP LOCKED) RETURNING id""",
        days,
        limit,
    )
    messages = await work.db.fetch(
        """DELETE FROM inbox_message WHERE id IN (
             SELECT m.id FROM inbox_message m
              WHERE m.status IN ('processed', 'ignored', 'discarded')
                AND m.updated_at < saldo_now() - make_interval(days => $1)
                AND NOT EXISTS (SELECT FROM dead_letter l WHERE l.message_id = m.id)
              ORDER BY m.id LIMIT $2 FOR UPDATE OF m SKIP LOCKED) RETURNING id""",
        days,
        limit,
    )
    return len(letters) + len(messages)

-- What has not come to its end: claims look at it, the oldest first; so do the figures.
CREATE INDEX inbox_message_open ON inbox_message (id) WHERE status IN ('received', 'waiting');
CREATE INDEX inbox_message_dead ON inbox_message (id) WHERE status = 'dead';
-- Whether an earlier message of the same order is still open.
CREATE INDEX inbox_message_order ON inbox_message (topic, key, id) WHERE status IN ('received', 'waiting');
-- What has ended long ago.
CREATE INDEX inbox_message_ended ON inbox_message (updated_at) WHERE status IN ('processed', 'ignored', 'discarded');
-- Whether the same text lies there already.
CREATE INDEX dead_letter_text ON dead_letter (source, md5(payload)) WHERE status = 'dead' AND message_id IS NULL;

-- The log as a whole: an epoch, which begins anew when the log was restored, and the secret that seals its cursors.
CREATE TABLE event_log (
  one   boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch uuid NOT NULL,
  seal  bytea NOT NULL CHECK (length(seal) = 32)
);
INSERT INTO event_log (epoch, seal)
  SELECT gen_random_uuid(), sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- The epoch as it is now. A dump that was brought back into another database or server, and a server that went back to
-- an earlier moment, begin a new one by themselves; a dump brought back in place needs `saldo restored`.
CREATE FUNCTION event_epoch() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  base text := (SELECT l.epoch || '/' || d.oid FROM event_log l, pg_database d WHERE d.datname = current_database());
BEGIN
  RETURN md5(base || '/' || (SELECT system_identifier FROM pg_control_system())
                  || '/' || (SELECT timeline_id FROM pg_control_checkpoint()));
EXCEPTION WHEN insufficient_privilege THEN
  RETURN md5(base);
END $$;

-- Events that have no position yet, and the positions. An event is never updated: its place is a row of its own.
CREATE TABLE unplaced (
  event_id bigint PRIMARY KEY
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE TABLE place (
  position bigint PRIMARY KEY CHECK (position > 0),
  event_id bigint NOT NULL UNIQUE REFERENCES event (id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON place
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION event_await_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO unplaced SELECT id FROM fresh;
  RETURN NULL;
END $$;
CREATE TRIGGER await_place AFTER INSERT ON event REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION event_await_place();
INSERT INTO unplaced SELECT id FROM event;

-- Gives the next positions, without a gap, to events that have committed; answers the events placed, in their order.
-- Nothing when somebody else is at it. Ids are drawn under the lock of the subject's row, so the events of one subject
-- keep their order; those of two are ordered by who was seen first.
CREATE FUNCTION event_place(p_limit int)
RETURNS TABLE (place bigint, id bigint, noun text, subject text, version bigint, name text, from_status text,
               to_status text, facts jsonb, snapshot jsonb, actor text, actor_role text, audience text[],
               request_id text, occurred_at timestamptz) LANGUAGE plpgsql AS $$
DECLARE
  head bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('event_place', 0)) THEN
    RETURN;
  END IF;
  SELECT coalesce(max(p.position), 0) INTO head FROM place p;
  RETURN QUERY
  WITH gone AS (
    DELETE FROM unplaced u WHERE u.event_id = ANY (ARRAY(SELECT w.event_id FROM unplaced w ORDER BY w.event_id LIMIT p_limit))
    RETURNING u.event_id
  ), placed AS (
    INSERT INTO place AS p (position, event_id)
    SELECT head + row_number() OVER (ORDER BY g.event_id), g.event_id FROM gone g
    RETURNING p.position, p.event_id
  )
  SELECT p.position, e.id, e.noun, e.subject, e.version, e.name, e.from_status, e.to_status, e.facts, e.snapshot,
         e.actor, e.actor_role, e.audience, e.request_id, e.occurred_at
    FROM placed p JOIN event e ON e.id = p.event_id ORDER BY p.position;
END $$;

-- How far each export of the log has come.
CREATE TABLE export (
  name     text PRIMARY KEY,
  position bigint NOT NULL CHECK (position >= 0),
  moved_at timestamptz NOT NULL DEFAULT saldo_now()
);

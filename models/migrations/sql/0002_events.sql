-- The database's clock: order and leases. Development may move it, together with the kernel's.
CREATE FUNCTION saldo_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT clock_timestamp() + make_interval(
    secs => coalesce(nullif(current_setting('saldo.clock_offset_seconds', true), ''), '0')::double precision)
$$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- What happened: one row for each change of a subject, in the same transaction as the change.
CREATE TABLE event (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  noun        text NOT NULL,
  subject     text NOT NULL,
  version     bigint NOT NULL CHECK (version >= 0),
  name        text NOT NULL,
  from_status text,
  to_status   text,
  facts       jsonb NOT NULL,
  snapshot    jsonb NOT NULL,
  actor       text NOT NULL,
  actor_role  text NOT NULL,
  audience    text[] NOT NULL,
  request_id  text,
  occurred_at timestamptz NOT NULL,
  UNIQUE (subject, version)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Idempotency keys: which subject and version a request led to.
CREATE TABLE request (
  actor      text NOT NULL,
  key        text NOT NULL,
  mutation   text NOT NULL,
  digest     bytea NOT NULL,
  subject    text,
  version    bigint,
  created_at timestamptz NOT NULL DEFAULT saldo_now(),
  PRIMARY KEY (actor, key)
);
CREATE INDEX request_created_at ON request (created_at);

-- Takes the key, or waits for the twin that holds it and answers what that one wrote. Its two statements see two
-- snapshots on purpose: the second must see a twin that committed while the first one waited.
CREATE FUNCTION request_take(p_actor text, p_key text, p_mutation text, p_digest bytea)
RETURNS TABLE (mutation text, digest bytea, subject text, version bigint) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO request AS r (actor, key, mutation, digest) VALUES (p_actor, p_key, p_mutation, p_digest)
    ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN QUERY SELECT r.mutation, r.digest, r.subject, r.version FROM request r
      WHERE r.actor = p_actor AND r.key = p_key;
  END IF;
END $$;

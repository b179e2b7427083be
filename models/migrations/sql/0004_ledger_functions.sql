-- The ledger's operations. Each is one call: it checks everything first and answers a refusal as {"refused": …}, having
-- written nothing; or it locks, writes and answers the states. RAISE is for bugs. All run under READ COMMITTED, where
-- every statement has its own snapshot: a lock is taken in one statement and what it protects is read in the next.
-- Their arrays are of a size that the planner cannot know: it would plan every statement anew at each call, which costs
-- more than running it. One generic plan, over indexes even while tables are small, halves the time of a call.
-- p_by is {actor, role, request id}: who the events of announced accounts name.

-- The accounts by (name, currency); missing ones are born, in the order of their names. born lets a refusal undo that.
CREATE FUNCTION ledger_resolve(p_kinds text[], p_names text[], p_owners text[], p_currencies text[],
                               OUT ids bigint[], OUT born bigint[]) LANGUAGE plpgsql AS $$
BEGIN
  born := '{}';
  SELECT array_agg(a.id ORDER BY r.n) INTO ids
    FROM unnest(p_names, p_currencies) WITH ORDINALITY r(name, currency, n)
    LEFT JOIN ledger_account a ON a.name = r.name AND a.currency = r.currency;
  IF array_position(ids, NULL) IS NULL THEN RETURN; END IF;

  WITH fresh AS (
    INSERT INTO ledger_account (kind, name, owner, currency, policy, announced)
    SELECT l.kind, r.name, r.owner, r.currency, l.policy, l.announced
      FROM (SELECT DISTINCT ON (u.name, u.currency) u.*
              FROM unnest(p_kinds, p_names, p_owners, p_currencies, ids) u(kind, name, owner, currency, id)
             WHERE u.id IS NULL ORDER BY u.name, u.currency) r
      JOIN ledger_line l ON l.kind = r.kind
     ORDER BY r.name, r.currency
    ON CONFLICT (name, currency) DO NOTHING
    RETURNING id)
  SELECT coalesce(array_agg(id), '{}') INTO born FROM fresh;

  SELECT array_agg(a.id ORDER BY r.n) INTO ids
    FROM unnest(p_names, p_currencies) WITH ORDINALITY r(name, currency, n)
    LEFT JOIN ledger_account a ON a.name = r.name AND a.currency = r.currency;
  IF array_position(ids, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'an account of % is of no kind in the chart', p_names;
  END IF;
END $$;

-- Floored and open accounts are locked in the order of their ids, so two calls over the same ones wait and never deadlock.
CREATE FUNCTION ledger_lock(p_ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM ledger_account WHERE id = ANY (p_ids) AND policy <> 'hot' ORDER BY id FOR NO KEY UPDATE;
END $$;

-- What stands on the accounts now. A hot one is its row plus its deltas, in this one statement.
CREATE FUNCTION ledger_states(p_ids bigint[]) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'id', a.id, 'name', a.name, 'currency', a.currency, 'version', a.version,
           'own', a.own + coalesce(d.own, 0),
           'pending_out', a.pending_out + coalesce(d.pending_out, 0),
           'pending_in', a.pending_in + coalesce(d.pending_in, 0)) ORDER BY a.id), '[]')
    FROM ledger_account a
    LEFT JOIN LATERAL (
      SELECT sum(own_delta)::bigint AS own, sum(out_delta)::bigint AS pending_out, sum(in_delta)::bigint AS pending_in
        FROM ledger_delta WHERE account_id = a.id AND a.policy = 'hot') d ON a.policy = 'hot'
   WHERE a.id = ANY (p_ids)
$$;

-- Judges the changes of one call as a whole and writes them, or answers `refused` and writes nothing. The caller holds
-- the locks. An account is full at 2^62: far enough from the type's end that a queue of deltas cannot reach it.
CREATE FUNCTION ledger_apply(p_call bigint, p_op text, p_plan text, p_by text[],
                             p_ids bigint[], p_own numeric[], p_out numeric[], p_in numeric[],
                             OUT refused jsonb, OUT stamp timestamptz) LANGUAGE plpgsql AS $$
DECLARE
  full_at constant numeric := 4611686018427387904;
BEGIN
  SELECT jsonb_build_object('refused', CASE WHEN short THEN 'INSUFFICIENT_FUNDS' ELSE 'ACCOUNT_FULL' END,
           'account', id, 'name', name, 'currency', currency, 'available', available, 'required', required)
    INTO refused
    FROM (SELECT a.id, a.name, a.currency, a.own - a.pending_out AS available, c.out_ - c.own AS required,
                 a.policy = 'floored' AND c.own - c.out_ < 0 AND a.own - a.pending_out + c.own - c.out_ < 0 AS short,
                 abs(a.own + c.own) > full_at OR a.pending_out + c.out_ > full_at OR a.pending_in + c.in_ > full_at
                   AS over
            FROM unnest(p_ids, p_own, p_out, p_in) c(id, own, out_, in_) JOIN ledger_account a ON a.id = c.id) x
   WHERE short OR over ORDER BY NOT short, id LIMIT 1;
  IF FOUND THEN RETURN; END IF;

  SELECT greatest(saldo_now(), max(changed_at)) INTO stamp
    FROM ledger_account WHERE id = ANY (p_ids) AND policy <> 'hot';

  WITH change AS (
    SELECT c.id, c.own::bigint AS own, c.out_::bigint AS out_, c.in_::bigint AS in_, a.policy
      FROM unnest(p_ids, p_own, p_out, p_in) c(id, own, out_, in_) JOIN ledger_account a ON a.id = c.id
     WHERE c.own <> 0 OR c.out_ <> 0 OR c.in_ <> 0
  ), moved AS (
    UPDATE ledger_account a
       SET own = a.own + c.own, pending_out = a.pending_out + c.out_, pending_in = a.pending_in + c.in_,
           version = a.version + 1, changed_at = stamp
      FROM change c WHERE a.id = c.id AND c.policy <> 'hot'
    RETURNING a.*, c.own AS own_delta, c.out_ AS out_delta, c.in_ AS in_delta
  ), queued AS (
    INSERT INTO ledger_delta (account_id, call, op, plan_id, own_delta, out_delta, in_delta, at)
    SELECT id, p_call, p_op, p_plan, own, out_, in_, stamp FROM change WHERE policy = 'hot'
  ), announced AS (
    INSERT INTO event (noun, subject, version, name, facts, snapshot, actor, actor_role, audience, request_id, occurred_at)
    SELECT 'balance', 'account:' || id, version, 'change',
           jsonb_build_object('call', p_call, 'own_delta', own_delta, 'out_delta', out_delta, 'in_delta', in_delta),
           jsonb_build_object('account', id, 'owner', owner, 'currency', currency,
                              'own', own, 'pending_out', pending_out, 'pending_in', pending_in),
           p_by[1], p_by[2], ARRAY[owner, 'ops'], p_by[3], stamp
      FROM moved WHERE announced
  )
  INSERT INTO ledger_entry (account_id, version, call, op, plan_id, own_delta, out_delta, in_delta,
                            own, pending_out, pending_in, at)
  SELECT id, version, p_call, p_op, p_plan, own_delta, out_delta, in_delta, own, pending_out, pending_in, stamp FROM moved;
END $$;

-- Moves money at once: transfers from account p_from[i] to p_to[i], both places in the account arrays.
CREATE FUNCTION ledger_post(p_subject text, p_by text[],
                            p_kinds text[], p_names text[], p_owners text[], p_currencies text[],
                            p_why text[], p_keys text[], p_from int[], p_to int[], p_amounts bigint[], p_notes text[])
RETURNS jsonb LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  ids bigint[]; born bigint[]; touched bigint[]; nets numeric[]; nothing numeric[];
  this_call bigint; taken text; refused jsonb; stamp timestamptz;
BEGIN
  SELECT r.ids, r.born INTO ids, born FROM ledger_resolve(p_kinds, p_names, p_owners, p_currencies) r;
  PERFORM ledger_lock(ids);

  SELECT key INTO taken FROM ledger_transfer WHERE key = ANY (p_keys) LIMIT 1;
  IF FOUND THEN
    refused := jsonb_build_object('refused', 'ALREADY_POSTED', 'key', taken);
  ELSE
    this_call := nextval('ledger_call');
    SELECT array_agg(id ORDER BY id), array_agg(net ORDER BY id), array_agg(0::numeric)
      INTO touched, nets, nothing
      FROM (SELECT id, sum(net) AS net
              FROM (SELECT ids[f] AS id, -a::numeric AS net FROM unnest(p_from, p_amounts) u(f, a)
                    UNION ALL SELECT ids[t], a FROM unnest(p_to, p_amounts) u(t, a)) leg GROUP BY id) per_account;
    SELECT r.refused, r.stamp INTO refused, stamp
      FROM ledger_apply(this_call, 'post', NULL, p_by, touched, nets, nothing, nothing) r;
  END IF;
  IF refused IS NOT NULL THEN
    DELETE FROM ledger_account WHERE id = ANY (born);
    RETURN refused;
  END IF;

  INSERT INTO ledger_transfer (call, key, kind, subject, from_id, to_id, amount, currency, description, at)
  SELECT this_call, k, w, p_subject, ids[f], ids[t], a, p_currencies[f], n, stamp
    FROM unnest(p_keys, p_why, p_from, p_to, p_amounts, p_notes) u(k, w, f, t, a, n);
  RETURN jsonb_build_object('call', this_call);
END $$;

-- How the postings given differ from those held, as multisets; NULL when they do not. Places count from 0.
CREATE FUNCTION ledger_differences(p_plan text, p_only_batch bigint, p_batches bigint[], p_from bigint[], p_to bigint[],
                                   p_amounts bigint[], p_currencies text[], p_notes text[])
RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  WITH given AS (
    SELECT *, row_number() OVER (PARTITION BY b, f, t, a, c, d ORDER BY i) AS k
      FROM unnest(p_batches, p_from, p_to, p_amounts, p_currencies, p_notes) WITH ORDINALITY u(b, f, t, a, c, d, i)
  ), held AS (
    SELECT batch_id AS b, from_id AS f, to_id AS t, amount AS a, currency AS c, description AS d, ordinal AS i,
           row_number() OVER (PARTITION BY batch_id, from_id, to_id, amount, currency, description ORDER BY ordinal) AS k
      FROM ledger_posting WHERE plan_id = p_plan AND (p_only_batch IS NULL OR batch_id = p_only_batch)
  )
  SELECT jsonb_agg(CASE WHEN held.i IS NULL
           THEN jsonb_build_object('place', given.i - 1, 'messages', jsonb_build_array('was not held like this'))
           ELSE jsonb_build_object('batch', held.b, 'index', held.i, 'messages', jsonb_build_array('was held and is missing'))
         END ORDER BY given.i, held.b, held.i)
    FROM given FULL JOIN held USING (b, f, t, a, c, d, k) WHERE given.i IS NULL OR held.i IS NULL
$$;

-- Holds one batch of a plan. Accounts by id; p_only_owner makes every other owner's account an unknown one.
CREATE FUNCTION ledger_hold(p_plan text, p_owner text, p_kind text, p_subject text, p_by text[], p_only_owner text,
                            p_batch bigint, p_from bigint[], p_to bigint[], p_amounts bigint[], p_currencies text[],
                            p_notes text[])
RETURNS jsonb LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  plan ledger_plan; is_new boolean; problems jsonb; refused jsonb; states jsonb;
  touched bigint[]; nets numeric[]; outs numeric[]; ins numeric[]; nothing numeric[];
BEGIN
  INSERT INTO ledger_plan (id, owner, kind, subject, state, last_batch_id)
    VALUES (p_plan, p_owner, p_kind, p_subject, 'HOLD', p_batch) ON CONFLICT DO NOTHING;
  is_new := FOUND;
  SELECT * INTO plan FROM ledger_plan WHERE id = p_plan FOR NO KEY UPDATE;

  IF NOT is_new THEN
    IF plan.state <> 'HOLD' THEN
      RETURN jsonb_build_object('refused', 'PLAN_STATE', 'state', plan.state);
    ELSIF EXISTS (SELECT FROM ledger_posting WHERE plan_id = p_plan AND batch_id = p_batch) THEN
      problems := ledger_differences(p_plan, p_batch, array_fill(p_batch, ARRAY[cardinality(p_from)]), p_from, p_to,
                                     p_amounts, p_currencies, p_notes);
      IF problems IS NOT NULL THEN
        RETURN jsonb_build_object('refused', 'INVALID_POSTINGS', 'problems', problems);
      END IF;
      RETURN (SELECT jsonb_build_object('repeated', true, 'version', version, 'accounts', accounts)
                FROM ledger_answer WHERE plan_id = p_plan AND op = 'hold' AND batch_id = p_batch);
    ELSIF p_batch < plan.last_batch_id THEN
      RETURN jsonb_build_object('refused', 'INVALID_POSTINGS', 'problems', (
        SELECT jsonb_agg(jsonb_build_object('place', i, 'messages',
                 jsonb_build_array(format('batch %s comes after batch %s', p_batch, plan.last_batch_id))))
          FROM generate_series(0, cardinality(p_from) - 1) i));
    END IF;
  END IF;

  PERFORM ledger_lock(p_from || p_to);
  SELECT jsonb_agg(jsonb_build_object('place', i - 1, 'messages', messages) ORDER BY i) INTO problems
    FROM (SELECT i, to_jsonb(array_remove(ARRAY[
                   CASE WHEN f.id IS NULL THEN 'unknown source account' END,
                   CASE WHEN t.id IS NULL THEN 'unknown target account' END,
                   CASE WHEN f.currency <> c THEN format('the source account is in %s, not %s', f.currency, c) END,
                   CASE WHEN t.currency <> c THEN format('the target account is in %s, not %s', t.currency, c) END],
                 NULL)) AS messages
            FROM unnest(p_from, p_to, p_currencies) WITH ORDINALITY u(from_id, to_id, c, i)
            LEFT JOIN ledger_account f ON f.id = u.from_id AND f.owner = coalesce(p_only_owner, f.owner)
            LEFT JOIN ledger_account t ON t.id = u.to_id AND t.owner = coalesce(p_only_owner, t.owner)) x
   WHERE messages <> '[]';
  IF problems IS NOT NULL THEN
    refused := jsonb_build_object('refused', 'INVALID_POSTINGS', 'problems', problems);
  ELSE
    SELECT array_agg(id ORDER BY id), array_agg(m ORDER BY id),
           array_agg(greatest(-m, 0) - greatest(-s, 0) ORDER BY id), array_agg(greatest(m, 0) - greatest(s, 0) ORDER BY id),
           array_agg(0::numeric)
      INTO touched, nets, outs, ins, nothing
      FROM (SELECT leg.id, coalesce(p.net, 0)::numeric AS s, coalesce(p.net, 0) + sum(leg.net) AS m
              FROM (SELECT f AS id, -a::numeric AS net FROM unnest(p_from, p_amounts) u(f, a)
                    UNION ALL SELECT t, a FROM unnest(p_to, p_amounts) u(t, a)) leg
              LEFT JOIN ledger_plan_net p ON p.plan_id = p_plan AND p.account_id = leg.id
             GROUP BY leg.id, p.net) per_account;
    SELECT r.refused INTO refused
      FROM ledger_apply(nextval('ledger_call'), 'hold', p_plan, p_by, touched, nothing, outs, ins) r;
  END IF;
  IF refused IS NOT NULL THEN
    IF is_new THEN DELETE FROM ledger_plan WHERE id = p_plan; END IF;
    RETURN refused;
  END IF;

  INSERT INTO ledger_posting (plan_id, batch_id, ordinal, from_id, to_id, amount, currency, description)
    SELECT p_plan, p_batch, i - 1, f, t, a, c, d
      FROM unnest(p_from, p_to, p_amounts, p_currencies, p_notes) WITH ORDINALITY u(f, t, a, c, d, i);
  INSERT INTO ledger_plan_net (plan_id, account_id, net) SELECT p_plan, id, net FROM unnest(touched, nets) u(id, net)
    ON CONFLICT (plan_id, account_id) DO UPDATE SET net = excluded.net;
  UPDATE ledger_plan SET last_batch_id = p_batch, version = version + 1, updated_at = greatest(saldo_now(), updated_at)
   WHERE id = p_plan;
  states := ledger_states(touched);
  INSERT INTO ledger_answer (plan_id, version, op, batch_id, accounts)
    VALUES (p_plan, plan.version + 1, 'hold', p_batch, states);
  RETURN jsonb_build_object('repeated', false, 'version', plan.version + 1, 'accounts', states);
END $$;

-- The same for accounts named by the chart, which are born when missing.
CREATE FUNCTION ledger_hold_named(p_plan text, p_owner text, p_kind text, p_subject text, p_by text[], p_batch bigint,
                                  p_kinds text[], p_names text[], p_owners text[], p_account_currencies text[],
                                  p_from int[], p_to int[], p_amounts bigint[], p_currencies text[], p_notes text[])
RETURNS jsonb LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  ids bigint[]; born bigint[]; answer jsonb;
BEGIN
  -- The plan before the accounts: the order in which everybody locks.
  PERFORM 1 FROM ledger_plan WHERE id = p_plan FOR NO KEY UPDATE;
  SELECT r.ids, r.born INTO ids, born FROM ledger_resolve(p_kinds, p_names, p_owners, p_account_currencies) r;
  answer := ledger_hold(p_plan, p_owner, p_kind, p_subject, p_by, NULL, p_batch,
                        ARRAY(SELECT ids[f] FROM unnest(p_from) WITH ORDINALITY u(f, n) ORDER BY n),
                        ARRAY(SELECT ids[t] FROM unnest(p_to) WITH ORDINALITY u(t, n) ORDER BY n),
                        p_amounts, p_currencies, p_notes);
  IF answer ? 'refused' THEN DELETE FROM ledger_account WHERE id = ANY (born); END IF;
  RETURN answer;
END $$;

-- Books a plan's postings as transfers.
CREATE FUNCTION ledger_book(p_plan ledger_plan, p_call bigint, p_stamp timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO ledger_transfer (call, key, kind, subject, plan_id, from_id, to_id, amount, currency, description, at)
  SELECT p_call, format('plan:%s:%s:%s', plan_id, batch_id, ordinal), (p_plan).kind, (p_plan).subject, plan_id,
         from_id, to_id, amount, currency, description, p_stamp
    FROM ledger_posting WHERE plan_id = (p_plan).id AND amount > 0
$$;

-- Commits or rolls back a whole plan. Where postings are given they must be exactly those held.
CREATE FUNCTION ledger_finish(p_plan text, p_owner text, p_op text, p_by text[], p_batches bigint[], p_from bigint[],
                              p_to bigint[], p_amounts bigint[], p_currencies text[], p_notes text[])
RETURNS jsonb LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  target constant text := upper(p_op);
  plan ledger_plan; problems jsonb; refused jsonb; states jsonb; stamp timestamptz;
  this_call constant bigint := nextval('ledger_call');
  touched bigint[]; nets numeric[]; outs numeric[]; ins numeric[];
BEGIN
  SELECT * INTO plan FROM ledger_plan WHERE id = p_plan AND owner = p_owner FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN jsonb_build_object('refused', 'PLAN_UNKNOWN'); END IF;
  IF plan.state NOT IN ('HOLD', target) OR (plan.state = target AND plan.reverts IS NOT NULL) THEN
    RETURN jsonb_build_object('refused', 'PLAN_STATE', 'state', plan.state);
  END IF;
  IF p_batches IS NOT NULL THEN
    problems := ledger_differences(p_plan, NULL, p_batches, p_from, p_to, p_amounts, p_currencies, p_notes);
    IF problems IS NOT NULL THEN
      RETURN jsonb_build_object('refused', 'INVALID_POSTINGS', 'problems', problems);
    END IF;
  END IF;
  IF plan.state = target THEN
    RETURN (SELECT jsonb_build_object('repeated', true, 'version', version, 'accounts', accounts)
              FROM ledger_answer WHERE plan_id = p_plan AND op = p_op);
  END IF;

  SELECT array_agg(account_id ORDER BY account_id),
         array_agg(CASE WHEN target = 'COMMIT' THEN net::numeric ELSE 0 END ORDER BY account_id),
         array_agg(-greatest(-net, 0)::numeric ORDER BY account_id), array_agg(-greatest(net, 0)::numeric ORDER BY account_id)
    INTO touched, nets, outs, ins FROM ledger_plan_net WHERE plan_id = p_plan;
  PERFORM ledger_lock(touched);
  SELECT r.refused, r.stamp INTO refused, stamp
    FROM ledger_apply(this_call, p_op, p_plan, p_by, touched, nets, outs, ins) r;
  IF refused IS NOT NULL THEN RETURN refused; END IF;

  IF target = 'COMMIT' THEN PERFORM ledger_book(plan, this_call, stamp); END IF;
  UPDATE ledger_plan SET state = target, version = version + 1, updated_at = greatest(saldo_now(), updated_at)
   WHERE id = p_plan;
  states := ledger_states(touched);
  INSERT INTO ledger_answer (plan_id, version, op, accounts) VALUES (p_plan, plan.version + 1, p_op, states);
  RETURN jsonb_build_object('repeated', false, 'version', plan.version + 1, 'accounts', states);
END $$;

-- Undoes a committed plan by its mirror, held and committed at once, so that a half reverted plan cannot exist.
CREATE FUNCTION ledger_revert(p_plan text, p_owner text, p_revert text, p_note text, p_by text[])
RETURNS jsonb LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  plan ledger_plan; mirror ledger_plan; refused jsonb; states jsonb; stamp timestamptz;
  this_call constant bigint := nextval('ledger_call');
  touched bigint[]; nets numeric[]; nothing numeric[];
BEGIN
  SELECT * INTO plan FROM ledger_plan WHERE id = p_plan AND owner = p_owner FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN jsonb_build_object('refused', 'PLAN_UNKNOWN'); END IF;
  IF plan.state <> 'COMMIT' THEN RETURN jsonb_build_object('refused', 'PLAN_STATE', 'state', plan.state); END IF;
  SELECT * INTO mirror FROM ledger_plan WHERE reverts = p_plan;
  IF FOUND THEN
    RETURN (SELECT jsonb_build_object('plan', mirror.id, 'repeated', true, 'version', version, 'accounts', accounts)
              FROM ledger_answer WHERE plan_id = mirror.id AND op = 'revert');
  END IF;
  SELECT * INTO mirror FROM ledger_plan WHERE id = p_revert;
  IF FOUND THEN RETURN jsonb_build_object('refused', 'PLAN_STATE', 'state', mirror.state); END IF;

  SELECT array_agg(account_id ORDER BY account_id), array_agg(-net::numeric ORDER BY account_id), array_agg(0::numeric)
    INTO touched, nets, nothing FROM ledger_plan_net WHERE plan_id = p_plan;
  PERFORM ledger_lock(touched);
  SELECT r.refused, r.stamp INTO refused, stamp
    FROM ledger_apply(this_call, 'revert', p_revert, p_by, touched, nets, nothing, nothing) r;
  IF refused IS NOT NULL THEN RETURN refused; END IF;

  INSERT INTO ledger_plan (id, owner, kind, subject, state, last_batch_id, reverts, version)
    VALUES (p_revert, p_owner, plan.kind, plan.subject, 'COMMIT', plan.last_batch_id, p_plan, 1) RETURNING * INTO mirror;
  INSERT INTO ledger_posting (plan_id, batch_id, ordinal, from_id, to_id, amount, currency, description)
    SELECT p_revert, batch_id, ordinal, to_id, from_id, amount, currency, p_note FROM ledger_posting WHERE plan_id = p_plan;
  INSERT INTO ledger_plan_net (plan_id, account_id, net) SELECT p_revert, id, net FROM unnest(touched, nets) u(id, net);
  PERFORM ledger_book(mirror, this_call, stamp);
  states := ledger_states(touched);
  INSERT INTO ledger_answer (plan_id, version, op, accounts) VALUES (p_revert, 1, 'revert', states);
  RETURN jsonb_build_object('plan', p_revert, 'repeated', false, 'version', 1, 'accounts', states);
END $$;

-- Turns queued deltas of hot accounts into entries with order and running balance. It deletes what it sees, so it is
-- right whatever the commit order was. One folder at a time; NULL says that another is at work.
CREATE FUNCTION ledger_fold(p_limit int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  folded bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('ledger_fold')) THEN RETURN NULL; END IF;
  WITH gone AS (
    DELETE FROM ledger_delta WHERE id = ANY (ARRAY(SELECT id FROM ledger_delta ORDER BY id LIMIT p_limit)) RETURNING *
  ), run AS (
    SELECT g.*, row_number() OVER w AS step, sum(own_delta) OVER w AS own_run, sum(out_delta) OVER w AS out_run,
           sum(in_delta) OVER w AS in_run, max(at) OVER w AS at_run
      FROM gone g WINDOW w AS (PARTITION BY account_id ORDER BY id)
  ), entered AS (
    INSERT INTO ledger_entry (account_id, version, call, op, plan_id, own_delta, out_delta, in_delta,
                              own, pending_out, pending_in, at)
    SELECT r.account_id, a.version + r.step, r.call, r.op, r.plan_id, r.own_delta, r.out_delta, r.in_delta,
           a.own + r.own_run, a.pending_out + r.out_run, a.pending_in + r.in_run, greatest(r.at_run, a.changed_at)
      FROM run r JOIN ledger_account a ON a.id = r.account_id
  ), summed AS (
    SELECT account_id, count(*) AS n, sum(own_delta)::bigint AS own, sum(out_delta)::bigint AS out_,
           sum(in_delta)::bigint AS in_, max(at) AS at FROM gone GROUP BY account_id
  ), moved AS (
    UPDATE ledger_account a
       SET own = a.own + s.own, pending_out = a.pending_out + s.out_, pending_in = a.pending_in + s.in_,
           version = a.version + s.n, changed_at = greatest(a.changed_at, s.at)
      FROM summed s WHERE a.id = s.account_id RETURNING s.n
  )
  SELECT coalesce(sum(n), 0) INTO folded FROM moved;
  RETURN folded;
END $$;

-- Own amount of an account strictly before a moment; NULL for an unknown account. One statement, so hot ones are exact.
CREATE FUNCTION ledger_own_before(p_account bigint, p_at timestamptz) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT coalesce((SELECT e.own FROM ledger_entry e WHERE e.account_id = a.id AND e.at < p_at
                    ORDER BY e.at DESC, e.version DESC LIMIT 1), 0)
       + coalesce((SELECT sum(d.own_delta)::bigint FROM ledger_delta d
                    WHERE d.account_id = a.id AND d.at < p_at AND a.policy = 'hot'), 0)
    FROM ledger_account a WHERE a.id = p_account
$$;

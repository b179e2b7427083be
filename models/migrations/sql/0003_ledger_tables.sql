-- The chart of accounts, brought by the code at each migration: what kinds there are and what holds for each.
CREATE TABLE ledger_line (
  kind         text PRIMARY KEY,
  side         text NOT NULL CHECK (side IN ('asset', 'expense', 'liability', 'income', 'equity')),
  policy       text NOT NULL CHECK (policy IN ('floored', 'open', 'hot')),
  announced    boolean NOT NULL,
  held         boolean NOT NULL,
  ends_at_zero boolean NOT NULL,
  UNIQUE (kind, policy, announced)
);

-- An account in one currency. own = received - given. The floor is a CHECK as well as a rule of the functions.
CREATE TABLE ledger_account (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text NOT NULL,
  name        text NOT NULL CHECK (length(name) <= 160),
  owner       text NOT NULL,
  currency    text NOT NULL CHECK (currency ~ '^[A-Z0-9]{3,12}$'),
  policy      text NOT NULL,
  announced   boolean NOT NULL,
  description text NOT NULL DEFAULT '',
  own         bigint NOT NULL DEFAULT 0,
  pending_out bigint NOT NULL DEFAULT 0 CHECK (pending_out >= 0),
  pending_in  bigint NOT NULL DEFAULT 0 CHECK (pending_in >= 0),
  version     bigint NOT NULL DEFAULT 0,
  created_at  timestamptz NOT NULL DEFAULT saldo_now(),
  changed_at  timestamptz NOT NULL DEFAULT saldo_now(),
  UNIQUE (name, currency),
  UNIQUE (id, currency),
  FOREIGN KEY (kind, policy, announced) REFERENCES ledger_line (kind, policy, announced),
  CONSTRAINT floor CHECK (policy <> 'floored' OR own - pending_out >= 0)
) WITH (fillfactor = 70);
CREATE INDEX ledger_account_owner ON ledger_account (owner, id);
CREATE INDEX ledger_account_kind ON ledger_account (kind, id);

CREATE SEQUENCE ledger_call;

-- Two-phase money. The row is the plan's lock; version counts its calls.
CREATE TABLE ledger_plan (
  id            text PRIMARY KEY CHECK (length(id) <= 160),
  owner         text NOT NULL,
  kind          text NOT NULL,
  subject       text NOT NULL,
  state         text NOT NULL CHECK (state IN ('HOLD', 'COMMIT', 'ROLLBACK')),
  last_batch_id bigint NOT NULL,
  reverts       text UNIQUE REFERENCES ledger_plan (id),
  version       bigint NOT NULL DEFAULT 0,
  created_at    timestamptz NOT NULL DEFAULT saldo_now(),
  updated_at    timestamptz NOT NULL DEFAULT saldo_now()
);
CREATE INDEX ledger_plan_owner ON ledger_plan (owner, created_at DESC, id);
CREATE INDEX ledger_plan_open ON ledger_plan (created_at) WHERE state = 'HOLD';
CREATE INDEX ledger_plan_subject ON ledger_plan (subject);

CREATE TABLE ledger_posting (
  plan_id     text NOT NULL REFERENCES ledger_plan (id),
  batch_id    bigint NOT NULL,
  ordinal     int NOT NULL,
  from_id     bigint NOT NULL,
  to_id       bigint NOT NULL CHECK (to_id <> from_id),
  amount      bigint NOT NULL CHECK (amount BETWEEN 0 AND 1000000000000000),
  currency    text NOT NULL,
  description text NOT NULL,
  PRIMARY KEY (plan_id, batch_id, ordinal),
  FOREIGN KEY (from_id, currency) REFERENCES ledger_account (id, currency),
  FOREIGN KEY (to_id, currency) REFERENCES ledger_account (id, currency)
);

-- A plan's own net per account, guarded by the plan's row lock.
CREATE TABLE ledger_plan_net (
  plan_id    text NOT NULL REFERENCES ledger_plan (id),
  account_id bigint NOT NULL REFERENCES ledger_account (id),
  net        bigint NOT NULL,
  PRIMARY KEY (plan_id, account_id)
);

-- What each call on a plan answered: a repeat is told the same, whatever has moved since.
CREATE TABLE ledger_answer (
  plan_id  text NOT NULL REFERENCES ledger_plan (id),
  version  bigint NOT NULL,
  op       text NOT NULL CHECK (op IN ('hold', 'commit', 'rollback', 'revert')),
  batch_id bigint,
  accounts jsonb NOT NULL,
  PRIMARY KEY (plan_id, version)
);

-- Every movement of money, for ever. `call` groups what was judged and written together.
CREATE TABLE ledger_transfer (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  call        bigint NOT NULL,
  key         text NOT NULL UNIQUE,
  kind        text NOT NULL,
  subject     text NOT NULL,
  plan_id     text REFERENCES ledger_plan (id),
  from_id     bigint NOT NULL,
  to_id       bigint NOT NULL CHECK (to_id <> from_id),
  amount      bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000000000000),
  currency    text NOT NULL,
  description text NOT NULL DEFAULT '',
  at          timestamptz NOT NULL,
  FOREIGN KEY (from_id, currency) REFERENCES ledger_account (id, currency),
  FOREIGN KEY (to_id, currency) REFERENCES ledger_account (id, currency)
);
CREATE INDEX ledger_transfer_from ON ledger_transfer (from_id, id);
CREATE INDEX ledger_transfer_to ON ledger_transfer (to_id, id);
CREATE INDEX ledger_transfer_subject ON ledger_transfer (subject, id);
CREATE INDEX ledger_transfer_call ON ledger_transfer (call);

-- The history of an account: one entry for each call that changed it, with what stood on it afterwards.
CREATE TABLE ledger_entry (
  account_id  bigint NOT NULL REFERENCES ledger_account (id),
  version     bigint NOT NULL,
  call        bigint NOT NULL,
  op          text NOT NULL CHECK (op IN ('post', 'hold', 'commit', 'rollback', 'revert')),
  plan_id     text,
  own_delta   bigint NOT NULL,
  out_delta   bigint NOT NULL,
  in_delta    bigint NOT NULL,
  own         bigint NOT NULL,
  pending_out bigint NOT NULL CHECK (pending_out >= 0),
  pending_in  bigint NOT NULL CHECK (pending_in >= 0),
  at          timestamptz NOT NULL,
  PRIMARY KEY (account_id, version)
);
CREATE INDEX ledger_entry_at ON ledger_entry (account_id, at, version);

-- Changes of hot accounts, not folded yet: a queue.
CREATE TABLE ledger_delta (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES ledger_account (id),
  call       bigint NOT NULL,
  op         text NOT NULL,
  plan_id    text,
  own_delta  bigint NOT NULL,
  out_delta  bigint NOT NULL,
  in_delta   bigint NOT NULL,
  at         timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX ledger_delta_account ON ledger_delta (account_id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_answer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

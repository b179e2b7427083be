-- One number for each payment that is ever made, here or in a database that this one was restored over: of it a deposit
-- address is derived, or a reference made.
CREATE SEQUENCE payment_index AS bigint MINVALUE 1 MAXVALUE 2147483647 START 1;
-- What a check takes: those with something to do, and those only to be asked about, the longest due first.
CREATE INDEX payment_due ON payment (next_check_at, id) WHERE marks > 0 AND next_check_at IS NOT NULL;
CREATE INDEX payment_asked ON payment (next_check_at, id) WHERE marks = 0 AND next_check_at IS NOT NULL;
CREATE INDEX payment_waiting ON payment (expires_at) WHERE status = 'waiting';
CREATE INDEX payment_under_way ON payment (person_id, currency, id) WHERE status = 'waiting';
CREATE INDEX payment_alarming ON payment (id) WHERE needs_attention;
CREATE INDEX deposit_unmatched ON deposit (id) WHERE payment_id IS NULL;
CREATE INDEX deposit_uncredited ON deposit (payment_id) WHERE credited_at IS NULL AND dropped_at IS NULL;
CREATE INDEX wallet_holding ON wallet (network, id) WHERE received_minor > swept_minor;
-- One attempt of a wallet and purpose at a time: the last guard against two of them on the chain.
CREATE UNIQUE INDEX sweep_under_way ON sweep (wallet_id, purpose) WHERE status IN ('planned', 'signed', 'broadcast');

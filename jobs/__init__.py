"""What runs by the clock and on request: arq decides when, PostgreSQL decides what.

Every job is safe to run twice, at the same time, late, or not at all until the next tick. One bad row never stops a
batch. Two queues: `saldo:public` takes only what is documented for other services, `saldo:inner` is ours.
"""

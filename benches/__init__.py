"""Measurements that anybody can repeat: each figure beside its floor, taken in one run, so that what counts is a ratio.

    python -m benches                 all of them, under half an hour; writes benches/results/ and docs/benchmarks.md
    python -m benches ledger person   only these
    python -m benches --quick         all of them, four minutes; writes nothing

A floor does the least that anybody would have to do for the same answer. Both sides of a ratio run in turn, round by
round; the ratio is the median of the rounds, since a machine has other things to do as well.
"""

"""`saldo demo`: stories that are played against the API which runs, by its public door alone.

A story is a list of steps: who does what, what has to be answered, and which event has to come by push. It knows nothing
but HTTP, a socket and tokens, as any front end does; whatever differs from what the story says ends it. Each story is a file of its
own in `stories`, listed there; everything else here is for all of them.
"""

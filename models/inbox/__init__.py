"""The inbox: what other systems tell us, kept before anything is done with it, and the letters of what came to nothing.

Every inbound event is a row first, once for each topic and event id. The noun that brings the topic then works in one
unit with the row's move, so both happen or neither does. Messages of one topic and key are handled in the order in which
they came; others side by side. A handler may say that it has to wait for something else, that there is nothing to do, or
that this can never be done:

    [*] --> RECEIVED, RECEIVED --> PROCESSED: process, RECEIVED --> IGNORED: ignore, RECEIVED --> WAITING: wait,
    RECEIVED --> DEAD: die, WAITING --> PROCESSED | IGNORED | DEAD, DEAD --> RECEIVED: redrive, DEAD --> DISCARDED: discard

What is dead has a letter, as has every message of a queue that could not be understood. An operator corrects it and drives
it again, or discards it and says why:

    [*] --> DEAD, DEAD --> REDRIVEN: redrive, DEAD --> DISCARDED: discard, REDRIVEN --> DEAD: die
"""

"""What is to be done and when: the names and periods of jobs, their runs, claims with leases.

arq decides when something is tried; what there is to do, and whose it is just now, stands in PostgreSQL. A run that an
operator asked for has a life:

    [*] --> REQUESTED, REQUESTED --> RUNNING: start, RUNNING --> DONE: finish, RUNNING --> FAILED: fail
"""

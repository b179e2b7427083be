"""The support desk: it takes every dispute that it is handed, and hears how all of them stand."""

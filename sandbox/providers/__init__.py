"""The adapters of two payment providers: one that is quick, and one that is slow and changes its mood."""

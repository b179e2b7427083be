"""A wallet system: merchants have wallets there, and we have sources from which it fills them."""

"""A bank with our account: people pay to it with a reference, and the bank tells us by signed webhooks."""

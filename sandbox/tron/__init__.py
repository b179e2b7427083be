"""A Tron node: /tron/wallet/* and /tron/walletsolidity/* as java-tron's, /tron/v1/* as TronGrid's, over a chain of its own."""

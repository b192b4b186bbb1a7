"""What videos cost, and what that leaves of an account: prices, the balance, the ledger."""

__all__: list[str] = []

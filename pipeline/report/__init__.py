"""Reports: pages whose every figure is a query on the ledger."""

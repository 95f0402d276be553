"""Web pages whose main text is known, because it was written here: what the block classifier learns from."""

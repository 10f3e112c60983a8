"""The transparency log: Merkle tree, tiles, checkpoints, cosignatures, trust policy (RFC 9162, C2SP)."""

"""Decentralized identifiers: did:webvh for institutions, did:key and did:jwk understood (DID Core 1.0)."""

"""A small world on this machine: a ledger, a university, an employer, and a wallet, all over real HTTP.

`story` plays the main job in it and checks every expectation; `world` starts and stops it.
"""

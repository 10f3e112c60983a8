"""What survives a restart: files that are replaced whole, sealed files, key rings, and database engines.

Start reading at `storage.sealed_file`.
"""

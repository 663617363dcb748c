"""Encryption at rest: what people say is kept sealed, under a key of each account.

- :mod:`~llmagent_os.sealing.master_keys`: the keys that whoever runs the bot gives, in a variable or a file.
- :mod:`~llmagent_os.sealing.key_ring`: the accounts' own keys, each wrapped by a master key. They can be destroyed.
- :mod:`~llmagent_os.sealing.mounts`: which key ring the files below a folder belong to.
- :mod:`~llmagent_os.sealing.sealed_files`: writes and reads whole files.

Without a master key nothing is sealed, and everything works the same.
"""

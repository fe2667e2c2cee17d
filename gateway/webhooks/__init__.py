"""Webhooks: the events of the gateway told to other programs, signed, in order and until they are heard.

`collection` keeps the endpoints, `postmen` bring the events, `letterbox` keeps the log, `listening` is for developers.
"""

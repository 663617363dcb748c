"""The host: carries an event from the durable inbox to a reply that was sent.

Read ``host`` first, then the way of an event: ``acceptor`` stores it, ``dispatcher`` runs the conversations, ``stages``
takes one event from the handler's decision to the end, ``reply_sender`` sends.
"""

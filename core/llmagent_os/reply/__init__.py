"""One exchange: from an event to the reply, and to what the ledger keeps of both.

Read ``exchange`` and ``services`` first, then ``prompt``, ``tool_loop``, ``answer`` and ``interaction_record``.
"""

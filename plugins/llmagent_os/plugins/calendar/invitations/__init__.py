"""Invitations: people whom the bot knows are asked in their own conversations, and their answers are told.

===========================  =========================================================================================
``invitation``               what both sides keep, and an event as the invited person sees it
``inviting``                 the buttons "Invite …", and what a press of one does
``answering``                how the invited person is asked, and answers
``invitation_news``          tells each side what the other one did: an answer, a move, a cancellation
``invitation_setting``       the command ``/invitations``
===========================  =========================================================================================

Neither side keeps the other's account. The two records of an invitation have the same id in their keys, and each side
reaches the other by that key (``ToolContext.contacts``).
"""

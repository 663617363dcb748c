"""The reader: rules that read what a message asks of the calendar, before any model is asked.

======================  ==============================================================================================
``request_reading``     reads a whole message: its requests, in order; nothing where a word is not understood
``clause``              the words of one request, with what they say of time
``creation_request``    new events and reminders
======================  ==============================================================================================

A reader takes one :class:`~llmagent_os.plugins.calendar.requests.clause.Clause` and returns the tool call that its
words ask for, or None where it does not understand every word. A message is read as a whole or not at all: where one
of its requests is not understood, the model decides about all of it.
"""

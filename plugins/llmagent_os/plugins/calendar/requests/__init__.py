"""The reader: rules that read what a message asks of the calendar, before any model is asked.

======================  ==============================================================================================
``request_reading``     reads a whole message: its requests, in order; nothing where a word is not understood
``clause``              the words of one request, with what they say of time
``creation_request``    new events and reminders
``lead_request``        reminders before an event
``lookup_request``      questions about the calendar
``free_time_request``   questions about free time
``deletion_request``    what is to be deleted
``change_request``      another day or time for an event
``name_request``        another name or person for an event
``place_request``       a place or a note for an event
``length_request``      another length, end or repetition for an event
``change_call``         what the readers of changes share
``reference_request``   what goes on from what was done: "same on friday", "no, at 5"
``targets``             which event a phrase means
``masked_words``        the words of a clause with marks for what they say of time
======================  ==============================================================================================

A reader takes one :class:`~llmagent_os.plugins.calendar.requests.clause.Clause` and returns the tool call that its
words ask for, or None where it does not understand every word. A message is read as a whole or not at all: where one
of its requests is not understood, the model decides about all of it.
"""

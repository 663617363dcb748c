"""The reader: rules that read what a message asks of the calendar, before any model is asked.

======================  ==============================================================================================
``message_reading``     what a message asks for, or the answer where nothing is to be done; kept for a second run
``request_reading``     the requests of a message, in order; nothing where a word is not understood
``sentences``           where one sentence, or one request, ends and the next begins
``clause``              the words of one request, with what they say of time
``creation_request``    new events and reminders
``creation_certainty``  ... whether there is no doubt that they are wanted
``creation_times``      ... when they are to be
``creation_title``      ... what they are called, with whom and where they are
``event_nouns``         nouns of what people put into calendars
``open_answer``         the answer to the question about an unfinished event
``left_alone``          what must not be done: negations, and what is only weighed
``openings``            the words that open a request
``politeness``          what people say around a request
``idle_talk``           words that ask for nothing
``among_talk``          the one request of a message among other talk
``word_patterns``       writes lists of words as regular expressions
``spelling``            puts misspellings of known words right
``foreign_words``       knows a message in another language
======================  ==============================================================================================

A reader takes one :class:`~llmagent_os.plugins.calendar.requests.clause.Clause` and returns the tool call that its
words ask for, or None where it does not understand every word. A message is read as a whole or not at all: where one
of its requests is not understood, the model decides about all of it.
"""

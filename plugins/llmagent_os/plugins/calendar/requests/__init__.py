"""The reader: rules that read what a message asks of the calendar, before any model is asked.

======================  ==============================================================================================
``message_reading``     what a message asks for, or the answer where nothing is to be done; kept for a second run
``following_message``   a short message that goes on from what was done just before
``repeated_request``    the request before, for another event or another time
``same_day``            "on the same day", where the message names no day
``request_reading``     the requests of a message, in order; nothing where a word is not understood
``request_sequence``    what the requests of one message share
``clause_reading``      one part of a message as one request, by the first reader that understands it
``message_size``        how long a message may be to be read by rules
``request_division``    ... a part with talk around a request, or with several
``sentences``           where one sentence, or one request, ends and the next begins
``clause``              the words of one request, with what they say of time
``creation_request``    new events and reminders
``creation_certainty``  ... whether there is no doubt that they are wanted
``creation_name``       ... whether words without a verb are a name
``creation_times``      ... when they are to be
``creation_title``      ... what they are called, and with whom they are
``creation_place``      ... where they are
``creation_task``       ... things to do whose verbs also ask for something else
``event_nouns``         nouns of what people put into calendars
``open_answer``         the answer to the question about an unfinished event
``agreed_request``      an answer to the open question that says more than yes
``left_alone``          what must not be done: negations, and what is only weighed
``no_change``           messages that say that nothing is to be changed
``unwanted_reminder``   reminders that are no longer wanted
``doubtful_words``      what a model may take for a request, and may be none
``openings``            the words that open a request
``request_verbs``       the verbs of requests, by what they ask for
``politeness``          what people say around a request
``idle_talk``           words that ask for nothing
``among_talk``          the one request of a message among other talk
``word_patterns``       writes lists of words as regular expressions
``creation_note``       the note behind a new event: "…, bring salad", "…, order 4711"
``list_heading``        what stands in front of a list: "friday: …", "put these in: …"
``told_before``         an event named in one sentence, with its time in another
``chat_words``          leaves out the interjections of chats
``spelling``            puts misspellings of known words right
``rewording``           puts turns of phrase into plainer words: shifts, lengths, talk in front
``self_correction``     puts the day or time that is meant in the place of one that is taken back
``foreign_words``       knows a message in another language
``lead_request``        reminders before an event
``lookup_request``      questions about a period, and about all that there is
``event_question``      questions about an event
``span_question``       questions about lengths, ends and numbers of events
``order_question``      what comes before and after an event
``direct_question``     "tell me when it is" as "when is it"
``question_words``      what the readers of questions share
``free_time_request``   questions about free time
``deletion_request``    what is to be deleted
``clearing_request``    what is to be cleared, and what of it is kept
``deletion_words``      what the readers of deletions share
``change_request``      another day or time for an event
``corrected_time``      a day or a time that is put right
``shift_request``       how far an event moves: "an hour later"
``prevented_request``  another time for what somebody cannot do
``change_words``        what the readers of another time share
``name_request``        another name or person for an event
``place_request``       a place or a note for an event
``length_request``      another length, end or repetition for an event
``series_end``          when a repeated event ends
``change_call``         what the readers of changes share
``reference_request``   what goes on from what was done: "same on friday", "no, at 5"
``targets``             which event a phrase means
``masked_words``        the words of a clause with marks for what they say of time
======================  ==============================================================================================

A reader takes one :class:`~llmagent_os.plugins.calendar.requests.clause.Clause` and returns the tool call that its
words ask for, or None where it does not understand every word. A message is read as a whole or not at all: where one
of its requests is not understood, the model decides about all of it.
"""

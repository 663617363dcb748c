"""Parts that several plugins are made of. It is no plugin itself.

A plugin imports nothing of another plugin. What two of them need is here, and this folder alone imports the calendar's
readers of time.

===================  =================================================================================================
``said_moment``      finds in a text when something is to be, and what is left of the text
``translated_times``   the commonest German, Spanish and Chinese words of time in English
``open_question``    a question that the next words answer
``numbered_items``   a person's items, each with a small number of its own, and the last one that was deleted
``item_meant``       the one item that a number or words mean
``pages``            a long list in pages, with buttons
``serialized_plugin``  one request of a person at a time
===================  =================================================================================================
"""

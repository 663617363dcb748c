"""The recipe of the calendar model: everything that ``llmagent-os train calendar`` makes it from.

===================  ===========================================================================================
``grammar/*.txt``    thousands of wordings, written down as rules
``syntax``           one line of such a file, as a tree
``marks``            which characters of a text are a tool's argument, and how they survive what happens to it
``phrase_grammar``   draws phrases from the rules; ``check`` shows what a file gives
``lexicon``          names, words and towns, half of them made up on the spot
``noise``            how people really type
``moments``          dates, times and repetitions in the plugin's words
``phrases``          what people ask and what the assistant says, from the grammar
``results``          what the tools give back
``replies``          what is said to a result, in the person's ``style``
``facts``            questions that a fact in the system message answers
``dialogues``        whole conversations of all that, rendered by ``chatml``
``tokenizer``        byte-level BPE made for copying
``hyperparameters``  the numbers
``batches``          conversations as tensors
``network``          the model and its loss
``optimizers``       Muon, AdamW and the learning rate
``checkpoint``       a run's state on disk
``train``            the loop
``export``           the folder that transformers loads
``measure``          rates on unseen conversations
``report``           the training report
``command``          the command line
===================  ===========================================================================================
"""

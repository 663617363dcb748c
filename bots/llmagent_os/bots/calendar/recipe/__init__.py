"""The recipe of the calendar model: everything from which ``llmagent-os train calendar`` makes the model.

===================  ===========================================================================================
``grammar/*.txt``    thousands of wordings, written down as rules
``grammar_syntax``   parses one line of such a file into a tree
``marked_text``      marks the characters of a text that are a tool's argument
``phrase_grammar``   draws phrases from the rules
``check_grammar``    shows sample phrases of a grammar file, and its mistakes
``lexicon``          names, words and towns, some of them invented
``noise``            typos, fillers and case, as people really type
``date_phrases``     dates, times and repetitions in the calendar plugin's words
``phrases``          messages of people and of the assistant, from the grammar
``tool_results``     results of the tools
``replies``          replies to a result, in the person's ``style``
``style``            how a person likes to be answered
``fact_questions``   questions that a fact in the system message answers
``dialogues``        whole conversations of all that
``chatml``           renders a conversation as the model reads it
``tokenizer``        byte-level BPE made for copying
``hyperparameters``  the numbers of a run
``batches``          conversations as tensors
``network``          the model and its loss
``optimizers``       Muon, AdamW and the learning rate
``checkpoint``       a run's state on disk
``train``            the training loop
``export``           the folder that transformers loads
``measure``          rates on unseen conversations
``report``           the training report
``command``          the command line
===================  ===========================================================================================
"""

"""Unrelated prompts: one part holds a model in place while it learns, the other measures how far it has moved.

No prompt and no fact is in both parts: a model that was held at a prompt shows no drift there. The facts are chosen so
that a model of a hundred million parameters knows many of them and not all.
"""

from __future__ import annotations

import re

import msgspec


class ControlPrompt(msgspec.Struct, frozen=True):
    """A question with a known answer."""

    text: str
    answers: tuple[str, ...]  #: words in lower case; a reply with one of them is right


def is_right(prompt: ControlPrompt, reply: str) -> bool:
    """Whether a reply holds the answer, as whole words.

    >>> is_right(ControlPrompt("How many legs has a dog?", ("four", "4")), "A dog has four legs.")
    True
    >>> is_right(ControlPrompt("How many legs has a dog?", ("four", "4")), "About 40.")
    False
    """
    said = reply.lower()
    return any(re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", said) for answer in prompt.answers)


#: Prompts at which a model is held while it learns something else: facts, sums, language, advice and small talk.
ANCHORS: tuple[str, ...] = (
    "At what temperature does water boil?",
    "What is the capital of Italy?",
    "Name a big city in Germany.",
    "What is the opposite of up?",
    "What do cows eat?",
    "How many months are in a year?",
    "What is ice?",
    "Who was Albert Einstein?",
    "Which ocean is the largest?",
    "What is the capital of Spain?",
    "What colour are ripe tomatoes?",
    "What is 2 + 3?",
    "What is 10 - 4?",
    "Name two animals that can fly.",
    "What is the plural of mouse?",
    "Translate 'good morning' into French.",
    "Which season comes after spring?",
    "What do you use a hammer for?",
    "What is photosynthesis?",
    "Who wrote Romeo and Juliet?",
    "Why is the sea salty?",
    "What is a triangle?",
    "Name a musical instrument with strings.",
    "What does a doctor do?",
    "How long is an hour?",
    "What is the sun?",
    "Complete the sentence: The early bird catches the",
    "Give a synonym for happy.",
    "What is the past tense of go?",
    "Is a whale a fish?",
    "What is the largest country in the world?",
    "What is bread made of?",
    "Which planet do we live on?",
    "What is gravity?",
    "Name a primary colour.",
    "What is the square root of 81?",
    "Spell the word 'necessary'.",
    "What is a verb?",
    "In which city is Big Ben?",
    "What do plants need to grow?",
    "Tell me a fun fact about elephants.",
    "Write one sentence about the moon.",
    "How are you today?",
    "What can you do?",
    "Thank you for your help.",
    "Good evening.",
    "What is the difference between a lake and a river?",
    "How does a bicycle stay upright?",
)

#: Questions that measure drift and facts. Nothing is ever trained on them.
CONTROLS: tuple[ControlPrompt, ...] = (
    ControlPrompt("What is the capital of France?", ("paris",)),
    ControlPrompt("Who wrote Hamlet?", ("shakespeare",)),
    ControlPrompt("What is the largest planet in our solar system?", ("jupiter",)),
    ControlPrompt("What colour is the sky on a clear day?", ("blue",)),
    ControlPrompt("How many days are in a week?", ("seven", "7")),
    ControlPrompt("What is the chemical formula of water?", ("h2o", "h₂o", "hydrogen")),
    ControlPrompt("Name a fruit that is yellow.", ("banana", "lemon", "pineapple", "mango")),
    ControlPrompt("Which language do people speak in Brazil?", ("portuguese",)),
    ControlPrompt("What is the opposite of hot?", ("cold", "cool")),
    ControlPrompt("What animal says meow?", ("cat", "cats", "kitten")),
    ControlPrompt("How many legs does a spider have?", ("eight", "8")),
    ControlPrompt("At how many degrees Celsius does water freeze?", ("0", "zero")),
    ControlPrompt("Who painted the Mona Lisa?", ("leonardo", "vinci")),
    ControlPrompt("What do bees make?", ("honey",)),
    ControlPrompt("What is the currency of Japan?", ("yen",)),
    ControlPrompt("Which gas do people need to breathe?", ("oxygen",)),
    ControlPrompt("What is the capital of England?", ("london",)),
    ControlPrompt("On which continent is Egypt?", ("africa",)),
    ControlPrompt("What is 5 + 4?", ("9", "nine")),
    ControlPrompt("What is 3 times 4?", ("12", "twelve")),
    ControlPrompt("Which animal is known as man's best friend?", ("dog", "dogs")),
    ControlPrompt("What is frozen rain that falls in winter called?", ("snow", "sleet", "snowflakes")),
    ControlPrompt("Who was the first president of the United States?", ("washington",)),
    ControlPrompt("How many hours are in a day?", ("24", "twenty-four")),
    ControlPrompt("What is the name of our galaxy?", ("milky",)),
    ControlPrompt("Which organ pumps blood through the body?", ("heart",)),
    ControlPrompt("What is the tallest animal in the world?", ("giraffe", "giraffes")),
    ControlPrompt("What do caterpillars turn into?", ("butterfly", "butterflies", "moth", "moths")),
    ControlPrompt("How many sides does a square have?", ("four", "4")),
    ControlPrompt("Which month comes after March?", ("april",)),
    ControlPrompt("What is the capital of Russia?", ("moscow",)),
    ControlPrompt("Which metal is attracted by magnets?", ("iron", "steel", "nickel", "cobalt")),
)

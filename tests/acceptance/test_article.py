"""The article's code runs as written: fine-tune, define the agent, one turn of its loop (sections 4.2 to 4.4).

Two things differ from the printed page: ``CalendarAgent`` gets the import of ``LLM`` that its listing forgot, and the
example list holds just the two examples that it shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FINETUNE = """
from llmagent_os.llm import LLM
from llmagent_os.finetune import Finetuner

llm = LLM.from_pretrained("calendar")

train_data = [
    {"input": "Schedule a meeting with John at 3pm tomorrow", "output": "OK, I've added a meeting with John to your calendar for tomorrow at 3pm."},
    {"input": "Cancel my dentist appointment next week", "output": "Sure, I've canceled your dentist appointment scheduled for next week."},
]

finetuner = Finetuner(llm, train_data)

finetuner.finetune()

finetuner.save_model("calendar_agent_model")
"""

AGENT = """
from llmagent_os.agent import Agent
from llmagent_os.llm import LLM
from llmagent_os.modules import KnowledgeBase, BehaviorModule, InteractionModule

class CalendarAgent(Agent):
    def __init__(self, model_path):
        super().__init__()

        self.llm = LLM.from_pretrained(model_path)

        self.kb = KnowledgeBase()
        self.kb.load_knowledge("calendar_knowledge.json")

        self.behavior = BehaviorModule()
        self.behavior.set_mode("task_oriented")

        self.interaction = InteractionModule()
        self.interaction.set_interface("text")

    def run(self, user_input):
        processed_input = self.preprocess(user_input)

        kb_info = self.kb.retrieve_knowledge(processed_input)

        response = self.behavior.generate_response(processed_input, kb_info, self.llm)

        self.interaction.display_response(response)

        return response

agent = CalendarAgent("calendar_agent_model")

while True:
    user_input = input("You: ")
    response = agent.run(user_input)
    print(f"Agent: {response}")
"""

MODEL = Path(__file__).parents[2] / "bots/llmagent_os/bots/calendar/model/config.json"


@pytest.mark.skipif(not MODEL.is_file(), reason="the calendar model has not been trained here")
def test_the_articles_script_runs_and_has_learned_its_two_examples(tmp_path: Path) -> None:
    (tmp_path / "calendar_agent.py").write_text(FINETUNE + AGENT, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "calendar_agent.py"],
        cwd=tmp_path,
        input="Schedule a meeting with John at 3pm tomorrow\n",
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env=os.environ | {"PYTHONUTF8": "1"},
    )
    # The loop has no way out but the end of its input.
    assert ran.stderr.rstrip().endswith("EOFError: EOF when reading a line"), ran.stderr
    said = "OK, I've added a meeting with John to your calendar for tomorrow at 3pm."
    assert ran.stdout == f"You: {said}\nAgent: {said}\nYou: "
    assert (tmp_path / "calendar_agent_model" / "adapter_model.safetensors").is_file()

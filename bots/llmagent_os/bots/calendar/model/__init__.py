"""The calendar model: what ``LLM.from_pretrained("calendar")`` loads. Made by ``llmagent-os train calendar``."""

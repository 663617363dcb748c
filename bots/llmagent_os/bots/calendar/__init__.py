"""The calendar bot: its agent, knowledge, configuration and model, and the recipe the model is made by."""

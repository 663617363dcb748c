"""The tour: what people see of a bot in the browser and on the three platforms, step by step."""

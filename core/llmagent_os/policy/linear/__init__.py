"""The learners with linear weights: REINFORCE, actor-critic and Q-learning."""

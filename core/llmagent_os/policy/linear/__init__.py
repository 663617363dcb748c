"""The learners with linear weights: REINFORCE, actor-critic and Q-learning.

* :mod:`~llmagent_os.policy.linear.session_turns`: a person's latest turns, their rewards and their returns.
* :mod:`~llmagent_os.policy.linear.linear_learner`: what the three learners share.
* :mod:`~llmagent_os.policy.linear.reinforce`: policy gradient with a baseline.
* :mod:`~llmagent_os.policy.linear.actor_critic`: policy gradient with a learned value of the state.
* :mod:`~llmagent_os.policy.linear.q_learning`: Q-learning with a softmax policy.
"""

"""Estimate what another policy would have been worth, from what was logged while one policy decided.

The judge has a model of satisfaction and of feedback of its own on purpose, and shares none with the learners. It
decides which learner is used, and a judge that made the same mistakes as a learner would approve of them. So do not
replace :mod:`~llmagent_os.policy.off_policy.judge_feedback_model` by the feedback model of the Bayes learner, nor the
regression by the learner's.

Read in this order:

* :mod:`~llmagent_os.policy.off_policy.bandit_feedback`: the logged decisions as arrays, named as in the Open Bandit
  Pipeline.
* :mod:`~llmagent_os.policy.off_policy.estimators`: one function for every estimator, named after its paper.
* :mod:`~llmagent_os.policy.off_policy.posterior_sampler`: the judge's model with its equations, and draws of what may
  be true.
* :mod:`~llmagent_os.policy.off_policy.regressors`, :mod:`~llmagent_os.policy.off_policy.reward_regression`: how
  satisfied people are with an action.
* :mod:`~llmagent_os.policy.off_policy.judge_feedback_model`: what people show, given whether they are satisfied.
* :mod:`~llmagent_os.policy.off_policy.judge`, :mod:`~llmagent_os.policy.off_policy.evaluation`: the judge, and its
  results.
"""

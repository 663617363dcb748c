"""The default learner: hierarchical Bayes, by Gibbs sampling, in several chains side by side.

What is assumed of people, in short; :mod:`~llmagent_os.policy.bayes.gibbs_sampler` has the equations.

* A person is satisfied with a reply with a probability that depends on the action and the context.
* People belong to personas. A person's taste is the taste of their persona plus a deviation of their own. Personas are
  found, not given, and a person may move to another persona. So a newcomer gets what similar people prefer, and a
  person's own taste takes over as the person is heard.
* Satisfaction is never seen. An emoji, a re-ask or a thank-you is a sign of it. How good a sign each one is, how often
  a person shows an opinion, and who votes the opposite of what they feel is learned with the rest (Dawid and Skene,
  1979). So silence is no opinion, and if the dissatisfied react more often, that does not count twice.

Read in this order:

* :mod:`~llmagent_os.policy.bayes.design_matrix`: an action in a context as a row of numbers.
* :mod:`~llmagent_os.policy.bayes.person_state`: what is kept of one person.
* :mod:`~llmagent_os.policy.bayes.shared_state`: what all people share, with the priors of tastes.
* :mod:`~llmagent_os.policy.bayes.learner_feedback_model`: what people show, given whether they are satisfied.
* :mod:`~llmagent_os.policy.bayes.gibbs_sampler`: the model, and the draws of one person.
* :mod:`~llmagent_os.policy.bayes.shared_sampler`: the draws of what all people share.
* :mod:`~llmagent_os.policy.bayes.bayes_learner`: the learner, which decides and observes.
"""

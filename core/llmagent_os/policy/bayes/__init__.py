"""The default learner: hierarchical Bayes, by Gibbs sampling."""

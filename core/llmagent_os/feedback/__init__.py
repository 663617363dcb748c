"""What people think of replies: their reactions, what they do next, and what a learner observes of both."""

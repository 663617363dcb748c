"""Several machines as one: a model on replicas of a Ray cluster, work on its nodes, and storage that all of them share.

Ray is imported by one file, :mod:`~llmagent_os.cluster.ray_engine`, and only where a cluster is used.
"""

"""Where the plan of a job runs: in the job's own process, or on a node of a cluster."""

from __future__ import annotations

from typing import Protocol

from llmagent_os.training.job_order import JobOrder, load_plan
from llmagent_os.training.training_job import TrainingJob
from llmagent_os.training.training_plan import Cancelled, Candidate, JobSite, NothingToLearn, ReportProgress


class PlanRunner(Protocol):
    """Runs plans. The job's process does all the rest: the lease, progress in the ledger, publishing."""

    def run(
        self, plan: str, job: TrainingJob, site: JobSite, report: ReportProgress, cancelled: Cancelled
    ) -> Candidate | NothingToLearn:
        """Run the plan ``module:attribute``; see :meth:`llmagent_os.training.training_plan.TrainingPlan.run`.

        Raises:
            JobCancelledError: ``cancelled`` was true.
            LLMAgentOSError: the work cannot be done.
        """
        ...


class LocalPlanRunner:
    """Runs plans in this process."""

    def run(
        self, plan: str, job: TrainingJob, site: JobSite, report: ReportProgress, cancelled: Cancelled
    ) -> Candidate | NothingToLearn:
        """Run the plan."""
        return load_plan(plan).run(job, site, report, cancelled)


def plan_runner(order: JobOrder) -> PlanRunner:
    """What runs the plan of an order.

    Raises:
        ConfigError: the order names a cluster, and Ray is not installed.
    """
    if order.cluster is None:
        return LocalPlanRunner()
    from llmagent_os.training.cluster_plan_runner import ClusterPlanRunner

    return ClusterPlanRunner(order, order.cluster)

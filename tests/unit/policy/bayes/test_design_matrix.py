"""What breaks without this: a new word in the context moves the weights that were learned for another."""

from __future__ import annotations

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.bayes.design_matrix import DesignMatrix
from llmagent_os.policy.features import Features


def test_columns_come_as_long_as_there_is_room_and_weights_stay_few() -> None:
    design = DesignMatrix(ActionSpace(), Features())
    for number in range(30):
        design = design.grown({"intent": "ask", "kind": "direct", "language": f"language{number}"})
    assert len(design.features.columns) == 24
    for sizes in ([2] * 6, [8, 8], [64], [4, 6]):
        space = ActionSpace({f"d{at}": [f"{at}.{each}" for each in range(size)] for at, size in enumerate(sizes)})
        smaller = DesignMatrix(space, Features())
        for number in range(30):
            larger = smaller.grown({"language": f"language{number}"})
            assert (larger.groups[: smaller.size] == smaller.groups).all(), "what was learned keeps its place"
            smaller = larger
        assert smaller.size <= 256

"""All situations, D1 to D19, in the order of the table."""

from tests.validation.cell import Cell
from tests.validation.clusters import CLUSTERS
from tests.validation.drifts import DRIFTS
from tests.validation.experiments import EXPERIMENTS
from tests.validation.mix import MIX
from tests.validation.overlap import OVERLAP
from tests.validation.rollouts import ROLLOUTS
from tests.validation.scatter import SCATTER
from tests.validation.selection import SELECTION
from tests.validation.series import SERIES
from tests.validation.synthetic import SYNTHETIC
from tests.validation.trouble import TROUBLE
from tests.validation.walks import WALKS

CELLS: tuple[Cell, ...] = (
    *SERIES,
    *WALKS,
    *ROLLOUTS,
    *SYNTHETIC,
    *EXPERIMENTS,
    *SELECTION,
    *OVERLAP,
    *TROUBLE,
    *CLUSTERS,
    *DRIFTS,
    *MIX,
    *SCATTER,
)

"""How far a figure of donor weights can move while the fit stays as good as noise allows.

Moves d of the weights sum to zero and keep within their lower bounds. Among those with
d'Qd <= 2 g'd (no worse a fit than the true weights, under noise g) the least of x'd is found
exactly: it is where d'Qd / 2 - (g - step x)'d is least, for the step at which the fit is just met.
On a face, where the donors at their bounds are known, that step has a closed form, so faces are
walked until one meets the fit inside itself.

Source: Cattaneo, Feng & Titiunik (2021), JASA 116(536), theorem 1, for the problem; Nocedal &
Wright (2006), "Numerical Optimization", 16.5, for the faces.
"""

from dataclasses import dataclass, field

import numpy as np

from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.errors import NotEstimable

ROUNDS_MAX = 200
TOLERANCE = 1e-10
CLOSE = 1e-7
STEP_MAX = 1e12  # In sizes of the noise over the figure.


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """Moves with some donors at their bounds.

    Attributes
    ----------
    fixed : shape (n,)
        A move of the face, all others being fixed + inverse @ something.
    inverse : shape (n, n)
        B (B'QB)^-1 B', where B spans what is left to move.
    pull : shape (n,)
        Q fixed.
    """

    fixed: Floats
    inverse: Floats
    pull: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedMoves:
    """The fit's curvature, the lowest moves, and the faces seen so far."""

    curvature: Floats
    lowest: Floats
    faces: dict[bytes, Face] = field(default_factory=dict)

    @classmethod
    def of(cls, before: Floats, lowest: Floats) -> "RestrictedMoves":
        """Prepare; rows are periods, columns donors; no bound is above 0, one at least below."""
        return cls(curvature=before.T @ before / len(before), lowest=lowest)

    def extremes(self, noise: Floats, figures: Floats) -> tuple[Floats, Floats]:
        """Return the lowest and highest of each figure under each noise.

        Parameters
        ----------
        noise : shape (n_draws, n_donors); figures : shape (n_figures, n_donors)

        Returns
        -------
        Two arrays of shape (n_draws, n_figures).
        """
        shape = (len(noise), len(figures))
        low, high = np.empty(shape), np.empty(shape)
        for draw, each in enumerate(noise):
            for at, figure in enumerate(figures):
                low[draw, at] = self._least(each, figure)
                high[draw, at] = -self._least(each, -figure)
        return low, high

    def _least(self, noise: Floats, figure: Floats) -> float:
        step, shortest, longest = 0.0, 0.0, np.inf
        scale = float(np.abs(noise).max()) / max(float(np.abs(figure).max()), 1e-300)
        moving, move = self.lowest < 0, np.zeros(len(figure))
        for _ in range(ROUNDS_MAX):
            moving, move = self._best(noise - step * figure, moving, move)
            met = self._met(self._face(moving), noise, figure)
            is_met = np.isfinite(met) and abs(met - step) <= CLOSE * met
            is_narrow = np.isfinite(longest) and longest - shortest <= CLOSE * longest
            # Where the least of all allowed weights fits well enough, no step is too long.
            if is_met or is_narrow or step > STEP_MAX * scale:
                return float(figure @ move)
            shortest, longest = (shortest, step) if met < step else (step, longest)
            # A face tells where it meets the fit, if it reaches that far; else go on or halve.
            halved = (shortest + longest) / 2 if np.isfinite(longest) else max(2 * step, scale)
            step = met if shortest < met < longest else halved
        raise NotEstimable("the extremes of the weights do not settle: donors repeat each other")

    def _met(self, face: Face, noise: Floats, figure: Floats) -> float:
        """Return the step at which moves of the face would just fit; inf if they always do."""
        left = noise - face.pull
        room = float(left @ face.inverse @ left) - float((face.pull - 2 * noise) @ face.fixed)
        length = float(figure @ face.inverse @ figure)
        if room <= 0:
            return 0.0
        return float(np.sqrt(room / length)) if length > 0 else np.inf

    def _best(self, target: Floats, moving: Booleans, move: Floats) -> tuple[Booleans, Floats]:
        """Go on to where d'Qd / 2 - target'd is least, from a move on its face."""
        tolerance = TOLERANCE * max(float(np.abs(target).max()), np.finfo(float).tiny)
        for _ in range(ROUNDS_MAX):
            moving, move = self._to_the_face_optimum(target, moving, move)
            slope = self.curvature @ move - target
            slack = np.where(moving, np.inf, slope - slope[moving].mean())
            entering = int(np.argmin(slack))
            if not slack[entering] < -tolerance:
                return moving, move
            moving = moving.copy()
            moving[entering] = True
        raise NotEstimable("the best move of the weights does not settle")

    def _to_the_face_optimum(
        self, target: Floats, moving: Booleans, move: Floats
    ) -> tuple[Booleans, Floats]:
        while True:
            face = self._face(moving)
            wanted = face.fixed + face.inverse @ (target - face.pull)
            below = moving & (wanted < self.lowest)
            if not below.any():
                return moving, wanted
            room = np.where(below, move - self.lowest, np.inf)
            share = room[below] / (move[below] - wanted[below])
            stopped = np.flatnonzero(below)[int(np.argmin(share))]
            move = move + max(float(share.min()), 0.0) * (wanted - move)
            move[stopped] = self.lowest[stopped]
            moving = moving.copy()
            moving[stopped] = False

    def _face(self, moving: Booleans) -> Face:
        key = moving.tobytes()
        if key not in self.faces:
            self.faces[key] = self._built(np.flatnonzero(moving).astype(np.int64))
        return self.faces[key]

    def _built(self, moving: Integers) -> Face:
        n = len(self.lowest)
        fixed = self.lowest.copy()
        fixed[moving] = 0.0
        fixed[moving[0]] = -fixed.sum()
        basis = np.zeros((n, len(moving) - 1))
        basis[moving[1:], np.arange(len(moving) - 1)] = 1.0
        basis[moving[0]] = -1.0
        inverse = basis @ np.linalg.pinv(basis.T @ self.curvature @ basis) @ basis.T
        return Face(fixed=fixed, inverse=inverse, pull=self.curvature @ fixed)

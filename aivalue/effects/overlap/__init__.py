"""Several initiatives on one KPI: one joint model, and shares that sum to its total."""

from aivalue.effects.overlap.cents import in_cents
from aivalue.effects.overlap.estimate import Joint, estimate_together
from aivalue.effects.overlap.game import owen_shares, shapley_shares
from aivalue.effects.overlap.joint_model import JointModel, joint_model
from aivalue.effects.overlap.member import Measured, Member, overlapping
from aivalue.effects.overlap.shares import JointShares, joint_shares

__all__ = [
    "Joint",
    "JointModel",
    "JointShares",
    "Measured",
    "Member",
    "estimate_together",
    "in_cents",
    "joint_model",
    "joint_shares",
    "overlapping",
    "owen_shares",
    "shapley_shares",
]

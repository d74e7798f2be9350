"""An event as the rest of the system sees it: identified, timed, typed, fingerprinted."""

from datetime import date, datetime

import msgspec

from aivalue.events.fields import EventData


class Event(msgspec.Struct, frozen=True, gc=False):
    """One CloudEvent.

    Attributes
    ----------
    source, id :
        Together the identity, within a tenant and for ever.
    time : datetime
        Business time, an instant.
    microseconds : int
        The same since 1970; three readers need it, and it is dear to compute.
    day : date
        Calendar date of `time` at the place that wrote it.
    fingerprint : bytes
        SHA-256 of what the event says, the same for every encoding of it: an equal id with
        another fingerprint is not a duplicate but a conflict.
    supersedes : str or None
        Id of the event of the same source that this one corrects.
    """

    source: str
    id: str
    type: str
    time: datetime
    microseconds: int
    day: date
    data: EventData
    fingerprint: bytes
    supersedes: str | None = None
    recordedtime: datetime | None = None
    sequence: str | None = None
    backfillid: str | None = None

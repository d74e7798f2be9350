"""Tables the ingest service owns, as far as SQLAlchemy needs them. Nobody else touches them.

The migrations are the definition; what is written fast goes through `queries` in plain SQL.
"""

from sqlalchemy import MetaData

from aivalue.runtime.outbox.table import outbox_table

metadata = MetaData(schema="ingest")

outbox = outbox_table(metadata)

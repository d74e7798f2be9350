# One signature for both ways: what `rows` chooses between is called alike.
from services.ingest.storing.plain_rows import key_rows as key_rows
from services.ingest.storing.plain_rows import runs as runs

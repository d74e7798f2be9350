#!/bin/sh
# Create the roles and schemas and give every role the password of its secret file. Repeating it
# rotates the passwords. The server is named by PGHOST, PGUSER and PGDATABASE.
set -eu
secrets=${SECRETS_DIR:-/run/secrets}
here=$(dirname "$0")
PGPASSWORD=$(cat "$secrets/postgres_password")
export PGPASSWORD

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file "$here/roles.sql"
for role in migrations ingest baseline attribution reporting; do
    test -s "$secrets/${role}_database_password"
    # psql reads the file and quotes what is in it, so that no password stands in a process list.
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set role="aivalue_$role" <<SQL
\\set password \`cat '$secrets/${role}_database_password'\`
alter role :"role" password :'password';
SQL
done

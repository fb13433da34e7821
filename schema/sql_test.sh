#!/bin/sh
# No SQL and no SQLite outside schema/: a second engine has one folder to implement. DSPAM's dumps are read, not asked. usage: sql_test.sh SOURCE
cd "$1" || exit 1
found=$(grep -rnE --include='*.c' --include='*.h' \
	'#include <sqlite3\.h>|"(SELECT .* FROM|INSERT (OR [A-Z]+ )?INTO|UPDATE .* SET|DELETE FROM|CREATE (TABLE|INDEX)|PRAGMA) ' \
	--exclude='dspam_preferences*' admin dovecot-plugins lda lib milter spamtrain web 2>/dev/null)
[ -z "$found" ] && exit 0
echo "SQL outside schema/:"
echo "$found"
exit 1

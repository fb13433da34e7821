-- The policy of a host. Readers are mail processes (public trees, groups) and Postfix's own sqlite:
-- maps, which query the mx2_postfix_* views.

-- A public tree ("#MilkyPond") is a folder with an empty path; "#MilkyPond/News" has path "News".
CREATE TABLE public_folder (
	id INTEGER PRIMARY KEY,
	tree TEXT NOT NULL,	-- with its '#'
	path TEXT NOT NULL,	-- levels separated by '/'; '' is the tree itself
	created INTEGER NOT NULL,
	UNIQUE (tree, path)
) STRICT;

CREATE TABLE public_delegate (
	folder INTEGER NOT NULL REFERENCES public_folder (id) ON DELETE CASCADE,
	kind TEXT NOT NULL CHECK (kind IN ('user', 'group')),
	name TEXT NOT NULL,
	PRIMARY KEY (folder, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE group_member (
	name TEXT NOT NULL,
	member TEXT NOT NULL,	-- full address, lower case
	PRIMARY KEY (name, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_by_member ON group_member (member);

-- Domains that this host only holds mail for.
CREATE TABLE mx2_domain (
	domain TEXT PRIMARY KEY,		-- lower case, A-labels
	primary_host TEXT NOT NULL,		-- '[host]' or '[host]:port'; '': its MX records
	retention INTEGER NOT NULL CHECK (retention > 0),	-- seconds
	retention_until INTEGER,		-- kept at least until then (seconds since 1970)
	tls TEXT NOT NULL CHECK (tls IN ('none', 'may', 'encrypt', 'verify', 'secure', 'dane',
					 'dane-only', 'fingerprint')),
	tls_match TEXT NOT NULL,		-- names or fingerprints, separated by ':' or '|'
	tls_cafile TEXT NOT NULL,		-- '': the system's
	recipients TEXT NOT NULL CHECK (recipients IN ('all', 'list', 'learned')),
	contact TEXT NOT NULL,			-- who is told; '': nobody
	created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mx2_recipient (
	domain TEXT NOT NULL REFERENCES mx2_domain (domain) ON DELETE CASCADE,
	address TEXT NOT NULL COLLATE NOCASE,
	PRIMARY KEY (domain, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX mx2_recipient_by_address ON mx2_recipient (address);

CREATE VIEW mx2_postfix_domain AS SELECT domain AS key, domain AS value FROM mx2_domain;

CREATE VIEW mx2_postfix_transport AS
	SELECT domain AS key,
		'relay:' || CASE primary_host WHEN '' THEN domain ELSE primary_host END AS value
	FROM mx2_domain;

-- Postfix looks TLS policies up by next hop: domains that share one get the strictest of theirs.
CREATE VIEW mx2_postfix_tls AS
	SELECT key, tls
		|| CASE WHEN tls_match = '' THEN '' ELSE ' match=' || tls_match END
		|| CASE WHEN tls_cafile = '' THEN '' ELSE ' tafile=' || tls_cafile END AS value
	FROM (
		SELECT *, CASE primary_host WHEN '' THEN domain ELSE primary_host END AS key,
			row_number() OVER (
				PARTITION BY CASE primary_host WHEN '' THEN domain ELSE primary_host END
				ORDER BY CASE tls
					WHEN 'fingerprint' THEN 8 WHEN 'secure' THEN 7 WHEN 'dane-only' THEN 6
					WHEN 'verify' THEN 5 WHEN 'encrypt' THEN 4 WHEN 'dane' THEN 3
					WHEN 'may' THEN 2 ELSE 1 END DESC, domain) AS place
		FROM mx2_domain)
	WHERE place = 1;

CREATE VIEW mx2_postfix_recipient AS
	SELECT r.address AS key, 'OK' AS value
		FROM mx2_recipient AS r JOIN mx2_domain AS d USING (domain)
		WHERE d.recipients = 'list'
	UNION ALL
	SELECT '@' || domain, 'OK' FROM mx2_domain WHERE recipients IN ('all', 'learned');

-- For check_recipient_access: recipients that the primary is asked about.
CREATE VIEW mx2_postfix_verify AS
	SELECT domain AS key, 'reject_unverified_recipient' AS value
	FROM mx2_domain WHERE recipients = 'learned';

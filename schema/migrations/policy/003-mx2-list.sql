-- Lists of recipients that the primary signs, and sends or publishes.
ALTER TABLE mx2_domain ADD COLUMN list_key TEXT NOT NULL DEFAULT '';	-- Ed25519, base64; '': none
ALTER TABLE mx2_domain ADD COLUMN list_url TEXT NOT NULL DEFAULT '';	-- where it is fetched; '': it is sent
ALTER TABLE mx2_domain ADD COLUMN list_serial INTEGER NOT NULL DEFAULT 0;	-- of the last one, ms since 1970; 0: none came

-- Until the first list comes everybody is taken: nobody's mail is refused for want of a list.
DROP VIEW mx2_postfix_recipient;
CREATE VIEW mx2_postfix_recipient AS
	SELECT r.address AS key, 'OK' AS value
		FROM mx2_recipient AS r JOIN mx2_domain AS d USING (domain)
		WHERE d.recipients = 'list'
	UNION ALL
	SELECT '@' || domain, 'OK' FROM mx2_domain AS d WHERE recipients IN ('all', 'learned')
		OR (list_key <> '' AND list_serial = 0
			AND NOT EXISTS (SELECT 1 FROM mx2_recipient AS r WHERE r.domain = d.domain));

-- Lists are mailed to shoveler-recipients@ this host, and go to `shoveler mx2 accept`.
CREATE VIEW mx2_postfix_alias AS
	SELECT 'shoveler-recipients' AS key, 'accept@recipients.shoveler.invalid' AS value
		FROM (SELECT 1 FROM mx2_domain WHERE list_key <> '' LIMIT 1);

DROP VIEW mx2_postfix_transport;
CREATE VIEW mx2_postfix_transport AS
	SELECT domain AS key,
		CASE refused WHEN 'bounce' THEN 'relay:' ELSE 'shoveler-relay:' END
		|| CASE primary_host WHEN '' THEN domain ELSE primary_host END AS value
	FROM mx2_domain
	UNION ALL
	SELECT 'recipients.shoveler.invalid', 'shoveler-accept:'
		FROM (SELECT 1 FROM mx2_domain WHERE list_key <> '' LIMIT 1);

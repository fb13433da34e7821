-- What becomes of mail that the primary refuses, and how old the list of recipients is.
-- Domains that are there already bounce, as until now.
ALTER TABLE mx2_domain ADD COLUMN refused TEXT NOT NULL DEFAULT 'bounce'
	CHECK (refused IN ('hold', 'drop', 'bounce'));
ALTER TABLE mx2_domain ADD COLUMN recipients_changed INTEGER NOT NULL DEFAULT 0;	-- seconds since 1970

-- shoveler-relay is Postfix's smtp client with soft_bounce: a refusal stays in the queue until
-- `shoveler mx2 tend` has looked at it.
DROP VIEW mx2_postfix_transport;
CREATE VIEW mx2_postfix_transport AS
	SELECT domain AS key,
		CASE refused WHEN 'bounce' THEN 'relay:' ELSE 'shoveler-relay:' END
		|| CASE primary_host WHEN '' THEN domain ELSE primary_host END AS value
	FROM mx2_domain;

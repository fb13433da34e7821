-- Hash of the From: line and of the network that brought the message: by it a sender is whitelisted.
ALTER TABLE message ADD COLUMN route_key INTEGER NOT NULL DEFAULT 0;

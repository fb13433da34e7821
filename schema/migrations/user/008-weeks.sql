-- Statistics by week read this instead of the whole history: the expression is that of MESSAGE_WEEKS (schema/store_internal.h).
CREATE INDEX message_by_week ON message ((received - 345600) / 604800, result, corrected) WHERE result >= 0;

#include "spamtrain/classifier/correspondents.h"

#include "lib/address.h"
#include "lib/xalloc.h"
#include "schema/store_correspondent.h"
#include "spamtrain/classifier/classifier_internal.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ADDRESS_MAX (ADDRESS_LOCAL_MAX + ADDRESS_DOMAIN_MAX + 1)

int64_t correspondent_key(struct span address)
{
	char lower[ADDRESS_MAX];
	struct span local, domain;

	if (address.size > sizeof(lower) || !address_split(address, &local, &domain))
		return 0;
	for (size_t i = 0; i < address.size; i++) {
		char c = address.data[i];

		if (c == ' ' || c == '<' || c == '>')
			return 0;
		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return (int64_t)XXH3_64bits(lower, address.size);
}

int64_t correspondent_key_of_field(struct span from)
{
	const char *open = from.size > 0 ? memrchr(from.data, '<', from.size) : NULL;
	struct span address = open == NULL ? from : span_from(from, (size_t)(open - from.data) + 1);
	const char *close = address.size > 0 ? memchr(address.data, '>', address.size) : NULL;

	if (close != NULL)
		address = span_first(address, (size_t)(close - address.data));
	return correspondent_key(span_trim(address));
}

enum classifier_status classifier_sent(struct classifier *classifier, const char *user,
				       const char *addresses, char **error_r)
{
	int64_t keys[CORRESPONDENTS_OF_MESSAGE], own = correspondent_key(span_of(user));
	size_t count = 0, size;

	for (addresses += strspn(addresses, " "); *addresses != '\0';
	     addresses += strspn(addresses, " ")) {
		size = strcspn(addresses, " ");
		int64_t key = correspondent_key((struct span){addresses, size});

		addresses += size;
		if (key == 0 || key == own)
			continue;
		if (count == CORRESPONDENTS_OF_MESSAGE) {
			*error_r = xstrdup("too many addresses");
			return CLASSIFIER_INVALID;
		}
		keys[count++] = key;
	}
	if (count > 0)
		return status_of_store(store_correspondent_add(classifier->store, keys, count,
							       time(NULL), error_r));
	*error_r = xstrdup("no addresses of others");
	return CLASSIFIER_INVALID;
}

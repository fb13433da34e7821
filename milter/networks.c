#include "networks.h"

#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define V4_BITS	    96 /* bits of ::ffff: before an IPv4 address */
#define MAX_ADDRESS 64

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ip_is_v4(const struct ip *ip)
{
	return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

struct ip ip_from_bytes(const unsigned char *bytes, size_t size)
{
	struct ip ip = {{0}};

	if (size == 4) {
		memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
		memcpy(ip.bytes + 12, bytes, 4);
	} else if (size == 16) {
		memcpy(ip.bytes, bytes, 16);
	}
	return ip;
}

int ip_parse(const char *text, struct ip *ip_r)
{
	char bare[MAX_ADDRESS];
	size_t size = strlen(text);
	unsigned char bytes[16];

	if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
	}
	if (strncasecmp(text, "IPv6:", 5) == 0 && size >= 5) {
		text += 5;
		size -= 5;
	}
	if (size >= sizeof(bare))
		return -1;
	memcpy(bare, text, size);
	bare[size] = '\0';
	if (inet_pton(AF_INET, bare, bytes) == 1)
		*ip_r = ip_from_bytes(bytes, 4);
	else if (inet_pton(AF_INET6, bare, bytes) == 1)
		*ip_r = ip_from_bytes(bytes, 16);
	else
		return -1;
	return 0;
}

static bool fits(const struct network *network, const struct ip *ip)
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;
	unsigned mask = 0xff00u >> rest & 0xff;

	if (memcmp(network->base.bytes, ip->bytes, whole) != 0)
		return false;
	return rest == 0 || ((network->base.bytes[whole] ^ ip->bytes[whole]) & mask) == 0;
}

int networks_add(struct networks *networks, const char *text)
{
	struct network network = {.excluded = text[0] == '!'};
	const char *address = text + network.excluded, *slash = strrchr(address, '/');
	size_t size = slash == NULL ? strlen(address) : (size_t)(slash - address);
	char *copy = xstrndup(address, size), *end = NULL;
	int ret = ip_parse(copy, &network.base);
	bool is_v4 = ret == 0 && ip_is_v4(&network.base) && strchr(copy, ':') == NULL;
	unsigned offset = is_v4 ? V4_BITS : 0;
	unsigned long bits = 128 - offset;

	free(copy);
	if (ret == 0 && slash != NULL)
		bits = strtoul(slash + 1, &end, 10);
	if (ret < 0 || bits > 128 - offset || (end != NULL && (*end != '\0' || end == slash + 1)))
		return -1;
	network.bits = offset + (unsigned)bits;
	networks->list = xrealloc(networks->list, (networks->count + 1) * sizeof(*networks->list));
	networks->list[networks->count++] = network;
	return 0;
}

bool networks_contain(const struct networks *networks, const struct ip *ip)
{
	for (size_t i = 0; i < networks->count; i++) {
		if (fits(&networks->list[i], ip))
			return !networks->list[i].excluded;
	}
	return false;
}

void networks_free(struct networks *networks)
{
	free(networks->list);
	*networks = (struct networks){0};
}

bool ip_is_bogus(const struct ip *ip)
{
	static const char *const bogus[] = {
		"0.0.0.0/8",	 "10.0.0.0/8",	   "127.0.0.0/8", "169.254.0.0/16",
		"172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3", "::/127",
		"fc00::/7",	 "fe80::/10",	   "ff00::/8",
	};
	struct networks networks = {0};
	bool found;

	for (size_t i = 0; i < sizeof(bogus) / sizeof(bogus[0]); i++)
		(void)networks_add(&networks, bogus[i]);
	found = networks_contain(&networks, ip);
	networks_free(&networks);
	return found;
}

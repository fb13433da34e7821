/* The files that all pages need: style, script, logo. */
#include "web/assets.h"
#include "web/pages.h"

void send_asset(struct request *r, const struct asset *asset)
{
	r->response.status = 200;
	r->response.type = asset->type;
	r->response.is_lasting = r->raw_query != NULL && strcmp(r->raw_query, asset->hash) == 0;
	strbuf_append(&r->html.out, asset->data, asset->size);
}

void page_style(struct request *r)
{
	send_asset(r, &asset_style);
}

void page_script(struct request *r)
{
	send_asset(r, &asset_script);
}

void page_logo(struct request *r)
{
	send_asset(r, &asset_logo);
}

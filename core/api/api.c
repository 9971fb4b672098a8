#include "api/api.h"

#include <stdlib.h>

#include "api/audit.h"
#include "api/auth.h"
#include "api/context.h"
#include "api/idempotency.h"
#include "api/routes.h"
#include "auth/file_users.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"

/* What stands before the server: TLS, and whose word about clients counts. */
static int open_front(struct hg_api *api, struct hg_error *err)
{
    const struct hg_host_config *config = api->options.config;
    const char *const *proxies = (const char *const *)config->trusted_proxies;
    int r = proxies && proxies[0] ? hg_networks_new(proxies, &api->trusted_proxies, err) : HG_OK;
    if (r == HG_OK && config->tls_certificate) {
        r = hg_tls_new(config->tls_certificate, config->tls_key, &api->tls, err);
    }
    return r;
}

static int start_server(struct hg_api *api, struct hg_error *err)
{
    const struct hg_host_config *config = api->options.config;
    struct hg_http_options options = {
        .host = config->listen_host,
        .port = config->listen_port,
        .site = api->site,
        .context = api,
        .authenticate = hg_api_authenticate,
        .refused = hg_api_refused,
        .public_url = config->public_url,
        .trusted_proxies = api->trusted_proxies,
        .tls = api->tls,
        .events = api->options.events,
    };
    options.routes = hg_api_routes(&options.n_routes);
    return hg_http_start(&options, &api->server, err);
}

/*
 * Nobody needs an admin of ours with a password that is made up where the files have one. Files
 * that would leave no admin leave everybody as they are, and keep nobody from what works.
 */
static int make_users(struct hg_api *api, struct hg_error *err)
{
    const struct hg_api_options *options = &api->options;
    const struct hg_auth_admin admin = {
        .password = options->admin_password,
        .terminal = options->terminal,
        .data_dir = options->config->data_dir,
    };
    int r = HG_OK;
    if (admin.password || !hg_file_users_have_admin(options->users, options->n_users)) {
        r = hg_auth_ensure_admin(api->auth, &admin, err);
    }
    r = r < 0 ? r : hg_file_users_apply(api->auth, options->users, options->n_users, err);
    if (r == HG_ECONFLICT) {
        hg_log_error("the users of the host's files are not applied, all stay as they are", err);
        r = HG_OK;
    }
    return r;
}

int hg_api_start(const struct hg_api_options *options, struct hg_api **ret, struct hg_error *err)
{
    struct hg_api *api = calloc(1, sizeof *api);
    if (!api) {
        return hg_error_nomem(err);
    }
    api->options = *options;
    api->started_us = hg_time_now_us();
    api->is_https =
        options->config->tls_certificate ||
        (options->config->public_url && hg_starts_with(options->config->public_url, "https://"));
    int r = hg_auth_new(options->metadata, &api->auth, err);
    r = r < 0 ? r : make_users(api, err);
    r = r < 0 ? r : hg_idempotency_new(&api->idempotency, err);
    r = r < 0 ? r : hg_site_load(options->config->web_dir, &api->site, err);
    r = r < 0 ? r : open_front(api, err);
    r = r < 0 ? r : start_server(api, err);
    if (r < 0) {
        hg_api_stop(api, 0);
        return r;
    }
    api->options.users = NULL;
    api->options.n_users = 0;
    *ret = api;
    return HG_OK;
}

int hg_api_apply_users(struct hg_api *api,
                       const struct hg_file_user *users,
                       size_t n,
                       struct hg_error *err)
{
    return hg_file_users_apply(api->auth, users, n, err);
}

int hg_api_port(const struct hg_api *api)
{
    return hg_http_port(api->server);
}

int hg_api_reload(struct hg_api *api, struct hg_error *err)
{
    return api->tls ? hg_tls_reload(api->tls, err) : HG_OK;
}

void hg_api_stop(struct hg_api *api, int64_t grace_ms)
{
    if (!api) {
        return;
    }
    hg_http_stop(api->server, grace_ms);
    hg_tls_free(api->tls);
    hg_networks_free(api->trusted_proxies);
    hg_site_free(api->site);
    hg_idempotency_free(api->idempotency);
    hg_auth_free(api->auth);
    free(api);
}

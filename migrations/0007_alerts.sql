-- database: metadata
-- Who is told when a run fails, what was told, and what is still to be sent.

create table alert_channel (
    id uuid primary key,
    name text not null unique check (name ~ '^[a-z0-9-]{1,63}$'), -- what pipelines name it by
    kind text not null check (kind in ('webhook', 'slack', 'email')),
    -- Nothing secret: addresses are sealed (table secret), here is only of which origin they are.
    config jsonb not null,
    enabled boolean not null default true,
    version integer not null default 1 check (version >= 1), -- for If-Match
    created_at timestamptz not null default now(),
    -- Who sends to it now. One host at a time, so that nothing is sent twice without need and what a
    -- channel may take in a while is counted right; a result counts only under the fence of its claim.
    host text,
    lease_until timestamptz,
    fence bigint not null default 0,
    failures integer not null default 0 check (failures >= 0), -- since it last took something
    retry_at timestamptz -- not before
);

-- What happened and nobody has looked at yet. Written in the transaction that makes it true, with all
-- that is to be told: the run may be tried again before anybody is. Nobody waits for anybody here.
create table alert_event (
    seq bigint generated always as identity primary key,
    type text not null check (type in ('run.failed')),
    pipeline_id text,
    run_id uuid,
    channels text[] not null, -- by name
    summary text not null,
    detail jsonb not null
);

-- What is told: one for what happens again and again.
create table alert (
    id uuid primary key, -- version 7
    type text not null check (type in ('run.failed', 'alerts.held_back', 'test')),
    pipeline_id text,
    run_id uuid, -- the first
    last_run_id uuid,
    summary text not null,
    detail jsonb not null,
    count integer not null default 1 check (count >= 1), -- how often it happened within its window
    first_at timestamptz not null default now(),
    last_at timestamptz not null default now()
);

create index alert_pipeline on alert (pipeline_id, id); -- the alerts of one pipeline

-- Until when something that happens again is the same alert. Its key decides it, not a look-up that
-- two could pass at once.
create table alert_window (
    key text primary key,
    alert_id uuid not null,
    ends_at timestamptz not null
);

-- One alert to one channel. Channels are named, not referenced: the log outlives them, and the end
-- of a run must not fail because a channel goes at the same moment.
create table alert_delivery (
    id uuid primary key default gen_random_uuid(),
    alert_id uuid not null references alert on delete cascade,
    channel_id uuid, -- null: there was no such channel
    channel text not null,
    kind text,
    status text not null check (status in ('pending', 'sent', 'failed', 'suppressed')),
    is_notice boolean not null default false, -- that others are held back; never held back itself
    attempts integer not null default 0 check (attempts >= 0),
    created_at timestamptz not null default now(),
    next_at timestamptz, -- of the next attempt
    sent_at timestamptz,
    http_status integer,
    error text,
    check ((status = 'pending') = (next_at is not null))
);

create index alert_delivery_alert on alert_delivery (alert_id); -- the log, and the cascade
create index alert_delivery_due on alert_delivery (channel_id, next_at) where status = 'pending';
create index alert_delivery_sent on alert_delivery (channel_id, sent_at) where status = 'sent';

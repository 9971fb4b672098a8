-- database: metadata
-- What runs beside a pipeline's next time: times that were missed, backfills, and the pause of all.

-- Where the time that a scheduled run covers begins: the time of the schedule before scheduled_for,
-- with which it ends.
alter table run add column interval_start timestamptz;
alter table run add column backfill_id uuid;
create index run_backfill on run (backfill_id) where backfill_id is not null; -- what became of one

-- Schedule and time zone that next_run_at was made with: a time that is due belongs to them.
alter table pipeline add column planned_by text;

-- A row while hosts begin nothing new.
create table pause (
    only_row boolean primary key default true check (only_row),
    paused_at timestamptz not null default now(),
    paused_by text not null
);

-- Times of a schedule to run for, one at a time, beside the pipeline's other runs (slot 2).
create table backfill (
    id uuid primary key,
    pipeline_id text not null references pipeline on delete cascade,
    kind text not null check (kind in ('backfill', 'missed')), -- asked for; made up for by itself
    status text not null check (status in ('running', 'succeeded', 'failed', 'cancelled')),
    window_start timestamptz not null,
    window_end timestamptz not null,
    params jsonb not null default '{}',
    times timestamptz[] not null,
    before_first timestamptz, -- the schedule's time before them
    n_made integer not null default 0 check (n_made >= 0), -- runs, in the order of times
    error jsonb,
    created_at timestamptz not null default now(),
    finished_at timestamptz
);

-- One that somebody asked for at a time, decided by this key and not by a look-up.
create unique index backfill_one on backfill (pipeline_id)
    where status = 'running' and kind = 'backfill';
create index backfill_newest_first on backfill (pipeline_id, id desc);
create index backfill_running on backfill (id) where status = 'running'; -- what the scheduler asks for

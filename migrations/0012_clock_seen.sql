-- database: metadata
-- What the clocks said last, the database's own ('') and that of each host by its name, and when each of
-- them was last set: a host that starts knows by it that a clock is wrong, and drops nothing for its age.

create table clock_seen (
    name text primary key,
    seen_at timestamptz not null,
    set_at timestamptz -- null: it never was
);

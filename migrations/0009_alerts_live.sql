-- database: metadata
-- When a delivery came to its end, by which hosts find those that they have not told of yet.

alter table alert_delivery add column ended_at timestamptz;
update alert_delivery set ended_at = coalesce(sent_at, created_at) where status <> 'pending';
alter table alert_delivery add check ((status = 'pending') = (ended_at is null));

-- A trigger, for a delivery ends in many places: sent, given up, held back, its channel gone. The
-- clock and not the transaction's begin, so that those who look a while back miss none.
create function alert_delivery_ends() returns trigger language plpgsql as $$
begin
    new.ended_at := case when new.status = 'pending' then null
        else coalesce(new.ended_at, clock_timestamp()) end;
    return new;
end $$;

create trigger alert_delivery_ends before insert or update on alert_delivery
    for each row execute function alert_delivery_ends();

create index alert_delivery_ended on alert_delivery (ended_at) where ended_at is not null;

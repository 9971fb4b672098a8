import { NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useId, useRef, useState } from 'react';
import { auditQuery } from '../../api/host.js';
import { usersQuery } from '../../api/users.js';
import { ForRole } from '../../components/panels/ForRole.jsx';
import { AuditTable } from '../../components/tables/AuditTable.jsx';
import { actionChoices } from '../../lib/audit.js';
import { EmptyState, NoMatch } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import classes from './settings.module.css';

const TYPING_MS = 300;

/** Who changed what, and who was refused. */
export function AuditLog() {
  return (
    <>
      <PageHead
        title="Audit log"
        facts="Who changed what, and who was refused. What the host does by itself is not in it."
      />
      <ForRole least="admin" what="the audit log">
        <Log />
      </ForRole>
    </>
  );
}

function Log() {
  const { actor, action } = useSearch({ from: '/app/settings/audit' });
  const navigate = useNavigate({ from: '/settings/audit' });
  const show = (change) =>
    navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });
  const filtered = Boolean(actor || action);
  const clear = () => show({ actor: undefined, action: undefined });
  return (
    <>
      <div className={classes.toolbar}>
        <ActorFilter value={actor} onChange={(next) => show({ actor: next })} />
        <NativeSelect
          label="What"
          className={classes.filter}
          value={action ?? ''}
          data={actionChoices(action)}
          onChange={(event) => show({ action: event.currentTarget.value || undefined })}
        />
      </div>
      <Entries
        // What is held back above the reader is of one filter.
        key={`${actor ?? ''} ${action ?? ''}`}
        filter={{ actor, action }}
        onClear={filtered ? clear : null}
      />
    </>
  );
}

/** A whole name, as the host compares it; those of the present users are offered. */
function ActorFilter({ value, onChange }) {
  const list = useId();
  const { data: users } = useQuery(usersQuery);
  const [typed, setTyped] = useState(value ?? '');
  const told = useRef(value);
  const later = useDebouncedCallback((next) => {
    told.current = next.trim() || undefined;
    onChange(told.current);
  }, TYPING_MS);
  // What did not come from this field stands in it too: a name that was pressed, a cleared filter.
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setTyped(value ?? '');
  }, [value]);
  return (
    <>
      <TextInput
        label="Who"
        className={classes.filter}
        list={list}
        value={typed}
        placeholder="Anybody"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          later(event.currentTarget.value);
        }}
      />
      <datalist id={list}>
        {(users ?? []).map(({ username }) => (
          <option key={username}>{username}</option>
        ))}
      </datalist>
    </>
  );
}

function Entries({ filter, onClear }) {
  const query = useInfiniteQuery(auditQuery(filter));
  return (
    <QueryState query={query} what="the audit log" least="admin" rows={8}>
      {({ pages }) => {
        const entries = pages.flatMap((page) => page.items);
        if (entries.length > 0) return <AuditTable query={query} entries={entries} />;
        if (onClear) return <NoMatch title="No entry matches" onClear={onClear} />;
        return (
          <EmptyState title="Nothing yet">
            Each change that somebody makes stands here: by the page, by the API, by the command
            line.
          </EmptyState>
        );
      }}
    </QueryState>
  );
}

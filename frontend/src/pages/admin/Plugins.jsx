import { NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { pluginsQuery } from '../../api/host.js';
import { SearchField } from '../../components/forms/SearchField.jsx';
import { HostFacts } from '../../components/panels/HostFacts.jsx';
import { HostPause } from '../../components/panels/PauseNotice.jsx';
import { PluginFailures } from '../../components/panels/PluginFailures.jsx';
import { PluginsTable } from '../../components/tables/PluginsTable.jsx';
import { formatAmount } from '../../lib/format.js';
import { matchesPlugin, pluginKindWord, sortPlugins } from '../../lib/plugins.js';
import { EmptyState, NoMatch } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Section } from '../../ui/Section.jsx';
import classes from './settings.module.css';

/** What the host can read and check with, and the host itself. */
export function Plugins() {
  const query = useQuery(pluginsQuery);
  return (
    <>
      <PageHead
        title="Plugins and host"
        facts="What pipelines read and check with, and the host that runs them."
      />
      <div className={classes.stack}>
        <HostPause />
        <HostFacts />
      </div>
      <Section title="Plugins">
        <QueryState query={query} what="the plugins" rows={6}>
          {(plugins) => <PluginList plugins={sortPlugins(plugins)} />}
        </QueryState>
      </Section>
    </>
  );
}

function PluginList({ plugins }) {
  const search = useSearch({ from: '/app/settings/plugins' });
  const navigate = useNavigate({ from: '/settings/plugins' });
  const show = (change) =>
    navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });
  const kinds = [...new Set(plugins.map(({ kind }) => kind).filter(Boolean))].toSorted();
  const shown = plugins.filter((plugin) => matchesPlugin(plugin, search));
  if (plugins.length === 0) {
    return (
      <EmptyState title="No plugin">
        The plugin folder is empty, so no pipeline can read or check anything.{' '}
        <code>plugins.dir</code> in the host’s file says which folder that is.
      </EmptyState>
    );
  }
  return (
    <div className={classes.stack}>
      <PluginFailures plugins={plugins} />
      <div className={classes.toolbar} style={{ marginBottom: 0 }}>
        <SearchField
          label="Find a plugin"
          value={search.q}
          onChange={(q) => show({ q })}
          className={classes.search}
        />
        <NativeSelect
          aria-label="Kind"
          className={classes.narrowFilter}
          value={search.kind ?? ''}
          data={[
            { value: '', label: 'All kinds' },
            ...kinds.map((kind) => ({ value: kind, label: pluginKindWord(kind) })),
          ]}
          onChange={(event) => show({ kind: event.currentTarget.value || undefined })}
        />
        <span className="muted numeric" role="status">
          {shown.length === plugins.length
            ? formatAmount(plugins.length, 'plugin')
            : `${shown.length} of ${formatAmount(plugins.length, 'plugin')}`}
        </span>
      </div>
      {shown.length === 0 ? (
        <NoMatch
          title="No plugin matches"
          onClear={() => show({ q: undefined, kind: undefined })}
        />
      ) : (
        <PluginsTable plugins={shown} />
      )}
    </div>
  );
}

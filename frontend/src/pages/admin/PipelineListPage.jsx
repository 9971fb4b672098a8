import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useFirstSteps } from '../../api/firstSteps.js';
import { pipelinesQuery, sessionQuery } from '../../api/queries.js';
import { PipelineStatusCard } from '../../components/cards/PipelineStatusCard.jsx';
import { StateFilter } from '../../components/forms/StateFilter.jsx';
import { SearchField } from '../../components/forms/SearchField.jsx';
import { BrokenPipelineFiles } from '../../components/panels/BrokenPipelineFiles.jsx';
import { FirstSteps } from '../../components/panels/FirstSteps.jsx';
import { HostPause } from '../../components/panels/PauseNotice.jsx';
import { formatAmount } from '../../lib/format.js';
import { EmptyState, NoMatch } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import classes from './DataPipelineManager.module.css';

const WAITS = { data: undefined, isPending: true };

/** All pipelines as cards, and what is wrong in the files of those that cannot be read. */
export function PipelineListPage() {
  const query = useQuery(pipelinesQuery);
  const { data: user } = useQuery(sessionQuery);
  const { pending, steps } = useFirstSteps(user);
  // All at once: what came later above the pipelines would push them away under the reader.
  const shown = pending && query.data ? WAITS : query;
  return (
    <>
      <PageHead
        title="Pipelines"
        facts="Each takes data from a source, checks it and loads it into tables."
      />
      <QueryState query={shown} what="the pipelines" rows={6} height={210} shape="cards">
        {(pipelines) => (
          <div className={classes.stack}>
            {steps && <FirstSteps steps={steps} username={user.username} />}
            <PipelineList pipelines={pipelines} />
          </div>
        )}
      </QueryState>
    </>
  );
}

function matches(pipeline, { q, status }) {
  if (status && pipeline.status !== status) return false;
  if (!q) return true;
  const text = `${pipeline.id} ${pipeline.name ?? ''} ${pipeline.description ?? ''}`.toLowerCase();
  return text.includes(q.toLowerCase());
}

function PipelineList({ pipelines }) {
  const search = useSearch({ from: '/app/pipelines' });
  const navigate = useNavigate({ from: '/pipelines' });
  const setSearch = (change) =>
    navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });
  const readable = pipelines.filter((pipeline) => pipeline.jobs?.length > 0);
  const shown = readable.filter((pipeline) => matches(pipeline, search));

  if (pipelines.length === 0) {
    return (
      <EmptyState title="No pipeline yet">
        A pipeline is a YAML file in the folder <code>pipelines/</code>. Write one, run{' '}
        <code>headgate check</code> to see that it is right, and it appears here.
      </EmptyState>
    );
  }
  return (
    <div className={classes.stack}>
      <HostPause />
      <BrokenPipelineFiles pipelines={pipelines} linked />
      {readable.length > 0 && (
        <>
          <div className={classes.toolbar} style={{ marginBottom: 0 }}>
            <SearchField
              label="Find a pipeline"
              value={search.q}
              onChange={(q) => setSearch({ q })}
              className={classes.search}
            />
            <StateFilter
              items={readable}
              value={search.status}
              onChange={(status) => setSearch({ status })}
            />
            <span className="muted numeric" role="status">
              {shown.length === readable.length
                ? formatAmount(readable.length, 'pipeline')
                : `${shown.length} of ${formatAmount(readable.length, 'pipeline')}`}
            </span>
          </div>
          {shown.length === 0 ? (
            <NoMatch
              title="No pipeline matches"
              onClear={() => setSearch({ q: undefined, status: undefined })}
            />
          ) : (
            <div className={classes.cards}>
              {shown.map((pipeline) => (
                <PipelineStatusCard key={pipeline.id} pipeline={pipeline} />
              ))}
            </div>
          )}
        </>
      )}
    </div>
  );
}
